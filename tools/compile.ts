/**
 * `deno task compile`: makes the executable, `dist/llm-training` by default.
 *
 * usage: deno run -A tools/compile.ts [--target TRIPLE] [--output FILE] [--entry FILE]
 *
 * Where `DENORT_BIN` names a `denort`, Deno builds on that instead of downloading its own.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleProgram, compileFor } from "./compile/compile_program.ts";
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
const target = TARGETS[values.target];
if (target === undefined) {
  throw new RangeError(
    `Cannot compile for "${values.target}": choose one of ${Object.keys(TARGETS).join(", ")}`,
  );
}
const output = resolve(values.output);
const workplace = { root, folder: join(dirname(output), "work") };
const bundled = await bundleProgram(resolve(values.entry), workplace);
await compileFor({ triple: values.target, target, bundled, output }, workplace);
const { size } = await Deno.stat(values.target.includes("windows") ? `${output}.exe` : output);
await Deno.stdout.write(
  new TextEncoder().encode(`${basename(output)}: ${(size / 1e6).toFixed(1)} MB\n`),
);
