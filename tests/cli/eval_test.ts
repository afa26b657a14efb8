import assert from "node:assert/strict";
import { copyFolder } from "../copy_folder.ts";
import { CHOICE_ROWS, jsonLines } from "../monitoring/evaluation/fixtures.ts";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };
const ON_CPU = ["--device", "wasm", "--threads", "1"];

testWithData(
  "eval --json gives numbers and every item, and keeps them",
  TINY_STORIES,
  async (model) => {
    await using folder = await temporaryFolder();
    const [file, output] = [`${folder.path}/choices.jsonl`, `${folder.path}/items.jsonl`];
    await Deno.writeTextFile(file, jsonLines(CHOICE_ROWS));
    const { status, stdout, stderr } = await runCli([
      ...["eval", "--model", model, "--task", file, "--output", output, "--json", ...ON_CPU],
    ]);
    assert.deepEqual([status, stderr], [0, ""]);
    const result = JSON.parse(stdout);
    assert.deepEqual(Object.keys(result.metrics), ["acc", "acc_norm"]);
    assert.equal(result.n, CHOICE_ROWS.length);
    assert.equal(result.items.length, CHOICE_ROWS.length);
    const right = result.items.filter((each: { outcome: string }) => each.outcome === "correct");
    assert.equal(result.metrics.acc.value, right.length / CHOICE_ROWS.length);
    assert.equal(result.results_file, output);
    const lines = (await Deno.readTextFile(output)).trimEnd().split("\n");
    assert.equal(lines.length, 1 + CHOICE_ROWS.length);

    const again = await runCli(["compare", output, output, "--json"]);
    const { verdict, difference, n, p_value: p } = JSON.parse(again.stdout);
    assert.deepEqual([again.status, verdict, difference, n, p], [0, "no-evidence", 0, 6, 1]);
  },
);

testWithData(
  "eval measures a skill, and the limit of tokens is told apart",
  TINY_STORIES,
  async (model) => {
    const { status, stdout } = await runCli([
      ...["eval", "--model", model, "--task", "builtin:arithmetic", "--limit", "4", "--json"],
      ...["--max-tokens", "3", ...ON_CPU],
    ]);
    const result = JSON.parse(stdout);
    assert.deepEqual([status, result.n, result.token_limit, result.errors], [0, 4, 4, 0]);
    assert.equal(result.metrics.accuracy.value, 0);
    assert.equal(result.task.seed, 1);
  },
);

testWithData(
  "compare finds a damaged model worse and writes a page",
  TINY_STORIES,
  async (model) => {
    await using folder = await temporaryFolder();
    const [damaged, data, html] = ["damaged", "data.jsonl", "page.html"]
      .map((name) => `${folder.path}/${name}`) as [string, string, string];
    await copyFolder(model, damaged);
    const path = `${damaged}/model.safetensors`;
    const bytes = await Deno.readFile(path);
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    for (let at = header + 3; at < bytes.length; at += 16) bytes[at] = 0; // some weights become tiny
    await Deno.writeFile(path, bytes);
    const stories = Array.from({ length: 24 }, (_, i) => ({
      text: `Once upon a time, there was a little girl named Lily. She had ${i + 2} toys. <b>&amp;`,
    }));
    await Deno.writeTextFile(data, jsonLines(stories));
    const { status, stdout } = await runCli([
      ...["compare", damaged, model, "--task", data, "--json", "--html", html, ...ON_CPU],
    ]);
    const result = JSON.parse(stdout);
    assert.deepEqual([status, result.verdict, result.n], [0, "worse", 24], stdout);
    assert.ok(result.difference > 0 && result.interval[0] > 0 && result.p_value < 0.01);
    assert.deepEqual([result.candidate.id, result.reference.id], ["damaged", "TinyStories-656K"]);
    const page = await Deno.readTextFile(html);
    assert.match(page, /<svg/);
    assert.ok(page.includes("&lt;b&gt;&amp;amp;") && !page.includes("<b>&amp;"));
    assert.ok(!/(?:src|href)=/.test(page)); // nothing is fetched
  },
);

Deno.test("eval and compare say what is missing", async () => {
  const [task, alone, none] = await Promise.all([
    runCli(["eval", "--model", "x", "--task", "no-such-task"]),
    runCli(["compare", "x", "--task", "builtin:syllo"]),
    runCli(["compare", "x", "y"]),
  ]);
  assert.deepEqual([task.status, alone.status, none.status], [1, 1, 1]);
  assert.match(task.stderr, /^error: Cannot find task "no-such-task": .*\n$/);
  assert.match(alone.stderr, /^error: Cannot compare one model alone.*\n$/);
  assert.match(none.stderr, /^error: Cannot evaluate "x" without a task.*\n$/);
});
