/**
 * What starts this program again.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** The command that `serve` starts this program with, to compute for it; people have no use for it. */
export const INFERENCE_WORKER = "inference-worker";

/** What the program needs of Deno where it runs from its source. */
const PERMISSIONS = ["read", "write", "env", "sys", "ffi", "net", "run"];

/** Returns the executable, and what goes before the arguments: nothing, or Deno's own with the source. */
export function ownProgram(): readonly [string, ...string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const entry = import.meta.resolve("../../cli.ts");
  const path = entry.startsWith("file:") ? fileURLToPath(entry) : entry;
  return [Deno.execPath(), "run", "--quiet", ...PERMISSIONS.map((each) => `--allow-${each}`), path];
}
