/**
 * `deno task compile`: makes the executable, `dist/llm-training` by default.
 *
 * usage: deno run -A tools/compile.ts [--target TRIPLE] [--output FILE] [--entry FILE]
 *
 * The program is bundled, and ONNX Runtime's binary files are embedded beside it, compressed and for one platform
 * only. Where `DENORT_BIN` names a `denort`, Deno builds on that instead of downloading its own.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EMBEDDED_FOLDER } from "../src/engine/runtime/embedded_file.ts";
import { bundle } from "./compile/bundle.ts";
import { prepareEmbedded } from "./compile/embedded_files.ts";
import { writeImports } from "./compile/imports.ts";
import { runDeno } from "./compile/run_deno.ts";
import { bundleTransformersJs } from "./compile/transformers_js.ts";
import { TARGETS } from "./compile/targets.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: {
    target: { type: "string", default: Deno.build.target },
    output: { type: "string", default: join(root, "dist", "llm-training") },
    entry: { type: "string", default: join(root, "cli.ts") },
  },
});
const platform = TARGETS[values.target];
if (platform === undefined) {
  throw new RangeError(
    `Cannot compile for "${values.target}": choose one of ${Object.keys(TARGETS).join(", ")}`,
  );
}
const output = resolve(values.output);
const work = dirname(output);
const embedded = join(work, EMBEDDED_FOLDER);
const bundled = join(work, "bundle");
await prepareEmbedded(embedded, platform);
await bundleTransformersJs(embedded, join(root, "deno.lock"));
await Deno.remove(bundled, { recursive: true }).catch(() => {});

const { entry, workers } = await bundle({
  entry: resolve(values.entry),
  sources: join(root, "src"),
  folder: bundled,
  args: [`--config=${join(root, "deno.json")}`, ...await writeImports(root, work)],
});
await runDeno([
  "compile",
  "--quiet",
  "--no-config",
  "--no-lock",
  "--no-check",
  "--allow-all",
  `--target=${values.target}`,
  ...[...workers, embedded].map((path) => `--include=${path}`),
  `--output=${output}`,
  entry,
]);
const { size } = await Deno.stat(values.target.includes("windows") ? `${output}.exe` : output);
await Deno.stdout.write(
  new TextEncoder().encode(`${basename(output)}: ${(size / 1e6).toFixed(1)} MB\n`),
);
