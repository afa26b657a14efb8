/**
 * Runs the shell blocks of the README as they are printed, in a fresh clone with an empty home, and says which of their
 * lines fail. It takes long: packages are fetched anew, and all tests are run.
 *
 *     deno task readme [--only <text>] [--skip <text>] [--keep]
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { shellLines } from "./readme/shell_lines.ts";
import { runLine } from "./readme/run_line.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
    keep: { type: "boolean", default: false },
  },
});
const has = (line: string, texts: readonly string[]) => texts.some((text) => line.includes(text));
const all = shellLines(await Deno.readTextFile(join(root, "README.md")));
const lines = all.filter((line) =>
  (values.only.length === 0 || has(line, values.only)) && !has(line, values.skip)
);

const folder = await Deno.makeTempDir({ prefix: "llm-training-readme-" });
const home = join(folder, "home");
const clone = join(folder, "clone");
await Deno.mkdir(home);
const { success } = await new Deno.Command("git", {
  args: ["clone", "--quiet", root, clone],
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (!success) throw new Error(`Cannot clone "${root}"`);
const failed: string[] = [];
for (const line of lines) {
  const { problem, durationMs, output } = await runLine(line, { clone, home });
  const state = problem === undefined ? "ok" : `FAILED: ${problem}`;
  await say(`${state} (${Math.round(durationMs / 1000)} s)  ${line}`);
  if (problem === undefined) continue;
  failed.push(line);
  await say(output.split("\n").slice(-15).map((each) => `    ${each}`).join("\n"));
}
await say(`${lines.length - failed.length} passed, ${failed.length} failed`);
if (values.keep) await say(`kept: ${folder}`);
else await Deno.remove(folder, { recursive: true });
if (failed.length > 0) Deno.exit(1);

async function say(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}
