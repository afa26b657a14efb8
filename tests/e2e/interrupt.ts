/**
 * Ctrl-C, pressed while a run is under way.
 *
 * @module
 */

import { testHome } from "../cli/run_cli.ts";

/** A program with what it is started with. */
export interface ProgramStart {
  /** The program. */
  readonly program: string;
  /** Its arguments; the run must print its events as JSON. */
  readonly args: readonly string[];
  /** Where it runs. @default {this process's folder} */
  readonly cwd?: string;
  /** All of its environment. @default {this process's} */
  readonly env?: Readonly<Record<string, string>>;
}

/** Sends Ctrl-C to a run once it has told of `steps` steps, and returns its exit status. */
export async function interruptAfterStep(steps: number, start: ProgramStart): Promise<number> {
  const { program, args, cwd, env } = start;
  const child = new Deno.Command(program, {
    args: [...args],
    stdout: "piped",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? { env: { LLM_TRAINING_HOME: testHome() } } : { env, clearEnv: true }),
  }).spawn();
  let text = "";
  let sent = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (sent || text.split('"kind":"step"').length <= steps) continue;
    sent = true;
    child.kill("SIGINT");
  }
  return (await child.status).code;
}
