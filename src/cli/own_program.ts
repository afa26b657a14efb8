/**
 * What starts this program again.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** What the program needs of Deno where it runs from its source. */
const PERMISSIONS = ["read", "write", "env", "sys", "ffi", "net", "run"];

/** Returns the executable, and what goes before the arguments: nothing, or Deno's own with the source. */
export function ownProgram(): readonly [string, ...string[]] {
  if (Deno.build.standalone) return [executablePath()];
  const entry = import.meta.resolve("../../cli.ts");
  const path = entry.startsWith("file:") ? fileURLToPath(entry) : entry;
  return [Deno.execPath(), "run", "--quiet", ...PERMISSIONS.map((each) => `--allow-${each}`), path];
}

/** Returns the path of what runs; on Linux the system says of a file that was replaced since that it is deleted. */
export function executablePath(): string {
  return Deno.execPath().replace(/ \(deleted\)$/, "");
}
