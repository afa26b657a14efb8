/**
 * Other programs, run to their end.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Options of {@linkcode runProgram}. */
export interface RunProgramOptions {
  /** Environment variables to add. @default {none} */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program and returns its standard output, without the last line break; another status than 0 fails the test. */
export async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  { env = {} }: RunProgramOptions = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.ok(success, `${program} ${args.join(" ")}: ${text(stdout)}${text(stderr)}`);
  return text(stdout).trimEnd();
}

/** Whether a program can be started. */
export function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
