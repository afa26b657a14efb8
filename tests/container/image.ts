/**
 * Builds the image with buildah, on a base that is a minimal Debian.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./run_program.ts";

/** What an image says of the containers that are made from it. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly StopSignal: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** An image whose files lie in a folder. */
export interface Image extends AsyncDisposable {
  readonly config: ImageConfig;
  /** The root folder of a container. */
  readonly root: string;
  /** Bytes of its files that are not those of the base. */
  readonly addedBytes: number;
}

const project = fileURLToPath(new URL("../..", import.meta.url));

/** Builds the image of `executable` with all that buildah keeps in `folder`. */
export async function buildImage(executable: string, folder: string): Promise<Image> {
  const stored = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  const buildah = (...args: string[]) =>
    runProgram(["buildah", "--storage-driver", "vfs", ...stored, ...args]);
  const archive = await runProgram([join(project, "tools/debian_base.sh")]);
  const base = await buildah("from", "scratch");
  await buildah("add", "--quiet", base, archive, "/");
  const baseBytes = await bytesBelow(await buildah("mount", base));
  await buildah("commit", "--quiet", "--rm", base, "localhost/base");
  const path = resolve(executable);
  await buildah(
    "build",
    ...["--isolation", "chroot", "--format", "docker", "--tag", "localhost/llm-training"],
    ...["--build-arg", "BASE=localhost/base", "--build-arg", `EXECUTABLE=${basename(path)}`],
    ...["--file", join(project, "container/Containerfile"), dirname(path)],
  );
  const inspected = await buildah("inspect", "--type", "image", "localhost/llm-training");
  const container = await buildah("from", "localhost/llm-training");
  const root = await buildah("mount", container);
  return {
    config: JSON.parse(inspected).Docker.config,
    root,
    addedBytes: await bytesBelow(root) - baseBytes,
    async [Symbol.asyncDispose]() {
      await buildah("rm", "--all");
    },
  };
}

async function bytesBelow(folder: string): Promise<number> {
  return Number((await runProgram(["du", "--summarize", "--bytes", folder])).split("\t")[0]);
}
