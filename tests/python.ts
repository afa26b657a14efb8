/**
 * Python with packages that read what we write, where it is there.
 *
 * @module
 */

import assert from "node:assert/strict";

/** The interpreter: `$LLM_TRAINING_PYTHON`, else that of the machine. */
export const PYTHON: string = Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3";

/** Whether the interpreter has the package `name`; it is not imported, which may take long. */
export function hasPackage(name: string): boolean {
  const code = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`;
  try {
    return new Deno.Command(PYTHON, { args: ["-c", code], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Registers a test that needs a package; without it the test is skipped and its name says so. */
export function testWithPackage(name: string, pack: string, fn: () => Promise<void>): void {
  const ignore = !hasPackage(pack);
  const why = ignore ? ` (skipped: ${PYTHON} has no package ${pack})` : "";
  Deno.test({ name: `${name}${why}`, ignore, fn });
}

/** Runs `code` and returns the JSON that it prints. */
export async function python(
  code: string,
  args: readonly string[],
  { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<unknown> {
  const { success, stdout, stderr } = await new Deno.Command(PYTHON, {
    args: ["-c", code, ...args],
    env,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
