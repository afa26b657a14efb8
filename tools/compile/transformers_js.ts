/**
 * `@huggingface/transformers` in one file for the executable.
 *
 * @module
 */

import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { EMBEDDED_TRANSFORMERS } from "../../src/inference/embeddings/transformers_js.ts";
import { runDeno } from "./run_deno.ts";

/** What of it is used, see `src/inference/embeddings/transformers_js.ts`. */
const EXPORTS = "AutoModel, AutoTokenizer, env, Tensor";

/** Writes the library into `folder`, if it is not there: its build for the web, which needs no other library. */
export async function bundleTransformersJs(folder: string, lock: string): Promise<void> {
  const specifier = config.imports["@huggingface/transformers"];
  const output = join(folder, EMBEDDED_TRANSFORMERS);
  const entry = join(folder, "transformers_entry.js");
  await Deno.writeTextFile(entry, `export { ${EXPORTS} } from "${specifier}";\n`);
  await runDeno([
    "bundle",
    "--quiet",
    "--platform=browser",
    "--minify",
    "--no-config",
    `--lock=${lock}`,
    "--frozen",
    `--output=${output}`,
    entry,
  ]);
  await Deno.remove(entry);
}
