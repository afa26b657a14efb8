/**
 * A container in the Open Container Initiative's runtime, `runc`, as Docker, Podman and Kubernetes run it: a root folder
 * that cannot be written, a user without rights, no capabilities.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { ImageConfig } from "./image.ts";
import { runProgram } from "./run_program.ts";

/** A folder that a container sees. */
export interface Mount {
  readonly source: string;
  readonly destination: string;
  readonly readonly: boolean;
}

/** Options of {@linkcode startContainer}. */
export interface ContainerOptions {
  /** The image's files. */
  readonly root: string;
  /** What the image says of it. */
  readonly config: ImageConfig;
  /** Arguments instead of the image's. */
  readonly args: readonly string[];
  /** Environment variables besides the image's. @default {{}} */
  readonly env?: Readonly<Record<string, string>>;
  /** What is mounted. */
  readonly mounts: readonly Mount[];
  /** A folder for what the runtime keeps. */
  readonly folder: string;
}

/** A container that runs. */
export interface Container extends AsyncDisposable {
  /** Waits until its standard output matches; fails if it ends before. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Runs a command in it, as its health check does, and returns its exit status. */
  exec(command: readonly string[]): Promise<number>;
  /** Sends it a signal. */
  kill(signal: string): Promise<void>;
  /** Its exit status, once it has ended. */
  readonly status: Promise<number>;
  /** All of its standard error, once it has ended. */
  readonly stderr: Promise<string>;
}

/** Starts a container in the network of this machine. */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const id = `llm-training-test-${crypto.randomUUID()}`;
  const bundle = join(options.folder, id);
  await Deno.mkdir(bundle);
  await Deno.writeTextFile(join(bundle, "config.json"), JSON.stringify(runtimeConfig(options)));
  const runc = ["runc", "--root", join(options.folder, "runc")] as const;
  const child = new Deno.Command(runc[0], {
    args: [...runc.slice(1), "run", "--bundle", bundle, id],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    stderr,
    status: child.status.then(({ code }) => code),
    async waitFor(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        const { value, done } = await lines.read();
        if (done) assert.fail(`the container ended before ${pattern}: ${text}${await stderr}`);
        text += value;
      }
    },
    async exec(command) {
      const args = [...runc.slice(1), "exec", id, ...command];
      return (await new Deno.Command(runc[0], { args, stdout: "null", stderr: "null" }).output())
        .code;
    },
    async kill(signal) {
      await runProgram([...runc, "kill", id, signal]);
    },
    async [Symbol.asyncDispose]() {
      await new Deno.Command(runc[0], {
        args: [...runc.slice(1), "delete", "--force", id],
        stdout: "null",
        stderr: "null",
      }).output();
      await child.status;
      await lines.cancel();
      await stderr;
    },
  };
}

/** The runtime's configuration of a container, which is what Kubernetes' restricted profile lets through. */
function runtimeConfig({ root, config, args, env = {}, mounts }: ContainerOptions): unknown {
  const [uid, gid] = config.User.split(":").map(Number);
  return {
    ociVersion: "1.0.2",
    root: { path: root, readonly: true },
    process: {
      user: { uid, gid },
      cwd: config.WorkingDir,
      args: [...config.Entrypoint, ...args],
      env: [...config.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      ...mounts.map(({ source, destination, readonly }) => ({
        destination,
        source,
        type: "bind",
        options: ["bind", readonly ? "ro" : "rw", "nosuid", "nodev"],
      })),
    ],
    linux: { namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })) },
  };
}
