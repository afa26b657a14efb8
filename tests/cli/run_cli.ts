/**
 * Runs the command-line program as a process of its own.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What a run of the program left. */
export interface CliResult {
  /** Exit status. */
  readonly status: number;
  /** All of standard output. */
  readonly stdout: string;
  /** All of standard error. */
  readonly stderr: string;
}

/** Options of {@linkcode runCli}. */
export interface RunCliOptions {
  /** What the program reads from standard input. @default {""} */
  readonly stdin?: string;
  /** The program's entry point. @default {"cli.ts"} */
  readonly entry?:
    | "cli.ts"
    | "server.ts"
    | "src/core/train.ts"
    | "src/core/training_daemon.ts"
    | "src/inference/server.ts";
  /** Environment variables to add. @default {{}} */
  readonly env?: Readonly<Record<string, string>>;
  /** The current folder. @default {that of the tests} */
  readonly cwd?: string;
}

/** Returns what comes before the arguments of the program: `$LLM_TRAINING_BIN`, or Deno with the source. */
export function cliCommand(entry = "cli.ts"): readonly [string, ...string[]] {
  const executable = Deno.env.get("LLM_TRAINING_BIN");
  if (executable !== undefined && entry === "cli.ts") return [resolve(executable)];
  const path = fileURLToPath(new URL(`../../${entry}`, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "-A", path];
}

/** Returns a home folder that lasts as long as this process. */
export function testHome(): string {
  if (home === undefined) {
    const path = home = Deno.makeTempDirSync({ prefix: "llm-training-test-home-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  }
  return home;
}

let home: string | undefined;

/** Runs the program to its end. */
export async function runCli(
  args: readonly string[],
  options: RunCliOptions = {},
): Promise<CliResult> {
  const { stdin = "", env = {}, entry, cwd } = options;
  const [program, ...head] = cliCommand(entry);
  const child = new Deno.Command(program, {
    args: [...head, ...args],
    env: { NO_COLOR: "1", LLM_TRAINING_HOME: testHome(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
