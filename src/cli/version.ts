/**
 * The version of the program, and of what it runs on.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** The version, as `deno.json` has it. */
export const VERSION: string = config.version;

/** The version of ONNX Runtime; all its packages have the same. */
export const ONNX_RUNTIME_VERSION: string = config.imports["onnxruntime-web"].replace(/.*@/, "");

/** Returns what `--version` prints: the version, and a line for each thing below it. */
export function versionText(): string {
  const { deno, v8 } = Deno.version;
  return [VERSION, `deno ${deno}`, `v8 ${v8}`, `onnxruntime ${ONNX_RUNTIME_VERSION}`].join("\n");
}
