import assert from "node:assert/strict";
import { join } from "node:path";
import { writeTinyModel } from "../e2e/tiny_model.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

/** Rows of 10 to 49 ids, four of them beyond 40; of one of these only the end is trained. */
async function writeRows(path: string): Promise<string> {
  const lengths = [...Array(30).keys()].map((i) => 10 + i).concat(45, 47, 49);
  const rows = lengths.map((length) => {
    const ids = Array.from({ length }, (_, i) => i);
    return { input_ids: ids, labels: ids };
  });
  const ids = Array.from({ length: 44 }, (_, i) => i);
  const late = { input_ids: ids, labels: ids.map((id) => id < 41 ? -100 : id) };
  await Deno.writeTextFile(path, [...rows, late].map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

Deno.test("train says how rows become micro-batches, and which are cut or left out and why", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const model = await writeTinyModel(join(path, "model"));
  const data = await writeRows(join(path, "data.jsonl"));
  const tokens = join(path, "home", "data", "tokens");
  const kept = () => Array.fromAsync(Deno.readDir(tokens), ({ name }) => name).catch(() => []);
  let runs = 0;
  const train = async (...flags: string[]) => {
    const output = join(path, `run-${runs++}`);
    const args = ["--dataset", data, "--model", model, "--max-length", "40", "--max-steps", "1"];
    const { status, stdout, stderr } = await runCli(
      ["train", ...args, "--device", "wasm", "--batch-size", "4", "--output", output, ...flags],
      { env: { LLM_TRAINING_HOME: join(path, "home") } },
    );
    return { status, text: stdout + stderr };
  };

  const plan = await train("--dry-run");
  assert.equal(plan.status, 0, plan.text);
  assert.equal((await train("--no-cache")).status, 0);
  assert.deepEqual(await kept(), [], "neither writes tokens");

  const plain = await train();
  assert.match(
    plain.text,
    /^file: data\.jsonl, tokens rows in JSON Lines, 34 rows: input_ids, labels$/m,
  );
  assert.match(
    plain.text,
    /tokens trained, 4 rows cut short, 1 row left out \(1: nothing trained is left within the limit\)$/m,
  );
  assert.match(plain.text, /^batches: 33 examples; [\d.]+ % padding \(--packing would/m);
  const [name] = await kept();
  assert.match(name!, /^[0-9a-f]{64}\.tokens$/);

  await Deno.writeTextFile(join(tokens, name!), "half");
  const packed = await train("--packing");
  assert.match(packed.text, /^warning: the tokens kept in ".*" are damaged and made anew$/m);
  const batches =
    /^batches: examples packed into (\d+) rows; ([\d.]+) % padding instead of ([\d.]+) %$/m
      .exec(packed.text);
  assert.ok(batches !== null, packed.text);
  const [rows, padding, before] = batches.slice(1).map(Number) as [number, number, number];
  assert.ok(rows >= 855 / 40 && rows <= 25, `${rows}`);
  assert.ok(padding < before);
  assert.deepEqual(await kept(), [name], "packing changes no tokens");

  const dropped = await train("--truncation", "drop", "--group-by-length");
  assert.match(dropped.text, /trained, 4 rows left out \(4: longer than the limit\)$/m);
  assert.match(dropped.text, /^batches: 30 examples, grouped by length; /m);
  const refused = await train("--truncation", "error");
  assert.equal(refused.status, 1);
  assert.match(
    refused.text,
    /^error: Cannot use line 31 of ".*data\.jsonl": it has 45 tokens, 5 more than --max-length; /m,
  );
});
