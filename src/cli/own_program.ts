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
  const permissions = PERMISSIONS.map((each) => `--allow-${each}`);
  return [Deno.execPath(), "run", "--quiet", ...permissions, ...sourceArguments(entry)];
}

/** Names the source: a file, which finds its `deno.json` itself, or a URL, which does not. */
function sourceArguments(entry: string): readonly string[] {
  if (entry.startsWith("file:")) return [fileURLToPath(entry)];
  const allowImport = `--allow-import=${new URL(entry).host}`;
  // what tools/bundle_web.ts writes names its packages in full
  if (!entry.endsWith(".ts")) return [allowImport, entry];
  return [allowImport, `--import-map=${import.meta.resolve("../../deno.json")}`, entry];
}

/** Returns the path of what runs; on Linux the system says of a file that was replaced since that it is deleted. */
export function executablePath(): string {
  return Deno.execPath().replace(/ \(deleted\)$/, "");
}
