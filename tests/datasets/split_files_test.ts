import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { DataSource } from "../../src/datasets/sources/data_file.ts";
import { describeSources } from "../../src/datasets/sources/describe_sources.ts";
import { splitFiles, type SplitFilesOptions } from "../../src/datasets/split_files.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const row = (prompt: string, completion = `answer to ${prompt}`) =>
  JSON.stringify({ prompt, completion, note: prompt.length });
const rows = (count: number, name = "q") =>
  Array.from({ length: count }, (_, i) => row(`${name} ${i}`));

type Given = Partial<Omit<SplitFilesOptions, "outputDir" | "now">>;

/** Splits files with these contents, and returns what was written and what was noted. */
async function split(contents: Readonly<Record<string, string | Uint8Array>>, options: Given = {}) {
  await using folder = await temporaryFolder();
  const sources: DataSource[] = [];
  for (const [name, content] of Object.entries(contents)) {
    const path = join(folder.path, name);
    await Deno.writeFile(path, Buffer.from(content as Uint8Array));
    sources.push({ path, weight: 1 });
  }
  const outputDir = join(folder.path, "out");
  const record = await splitFiles(await describeSources(sources), {
    heldOut: { part: 0.1 },
    now: new Date(0),
    ...options,
    outputDir,
  });
  assert.deepEqual(
    JSON.parse(await Deno.readTextFile(join(outputDir, "split.json"))),
    JSON.parse(JSON.stringify(record)),
  );
  const read = async (side: "train" | "eval") => {
    const bytes = await Deno.readFile(record[side].path);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), record[side].sha256);
    return bytes;
  };
  return { record, train: await read("train"), held: await read("eval") };
}

const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split("\n").slice(0, -1);

Deno.test("splitFiles() gives each line to one side as it was, in order, and the same for the same seed", async () => {
  const all = [...rows(99), '{"completion" : "z\\u00e9 1e2", "prompt":"last", "n": 1.0}'];
  const content = `${all.join("\n")}\n`;
  const { record, train, held } = await split({ "a.jsonl": content }, { seed: 5 });
  const [left, right] = [lines(train), lines(held)];
  assert.equal(right.length, 10);
  assert.deepEqual(all.filter((each) => !right.includes(each)), left);
  assert.deepEqual(all.filter((each) => !left.includes(each)), right);
  assert.equal(record.train.rows, 90);
  assert.equal(record.sources[0]!.rows, 100);
  assert.equal(
    record.sources[0]!.sha256,
    createHash("sha256").update(content).digest("hex"),
  );
  const again = await split({ "a.jsonl": content }, { seed: 5 });
  assert.deepEqual(again.held, held);
  const other = await split({ "a.jsonl": content }, { seed: 6 });
  assert.notDeepEqual(other.held, held);
});

Deno.test("splitFiles() keeps rows that are alike on one side", async () => {
  const all = Array.from({ length: 200 }, (_, i) => row(`${i % 40}`, `answer ${i % 80}`));
  const prompts = (bytes: Uint8Array) =>
    new Set(lines(bytes).map((line) => JSON.parse(line).prompt as string));
  const completions = (bytes: Uint8Array) =>
    new Set(lines(bytes).map((line) => JSON.parse(line).completion as string));
  for (const groupBy of ["prompt", "row"] as const) {
    const { train, held, record } = await split({ "a.jsonl": all.join("\n") }, {
      groupBy,
      heldOut: { rows: 40 },
    });
    assert.equal(record.eval.rows, 40);
    const [left, right] = groupBy === "prompt"
      ? [prompts(train), prompts(held)]
      : [completions(train), completions(held)];
    assert.ok(left.isDisjointFrom(right));
  }
  const same = Array.from({ length: 20 }, (_, i) => row("same", `${i}`));
  await assert.rejects(split({ "a.jsonl": same.join("\n") }), /stay together; add --group-by row/);
  assert.equal(
    lines((await split({ "a.jsonl": same.join("\n") }, { groupBy: "row" })).held).length,
    2,
  );
});

Deno.test("splitFiles() takes from each file its share", async () => {
  const { held } = await split({
    "a.jsonl": rows(90, "a").join("\n"),
    "b.jsonl": rows(10, "b").join("\n"),
  }, { heldOut: { part: 0.2 } });
  const prompts = lines(held).map((line) => JSON.parse(line).prompt as string);
  assert.equal(prompts.filter((prompt) => prompt.startsWith("a")).length, 18);
  assert.equal(prompts.filter((prompt) => prompt.startsWith("b")).length, 2);
});

Deno.test("splitFiles() keeps the container", async () => {
  const objects = rows(20).map((line) => JSON.parse(line) as Record<string, unknown>);
  const parsed = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as unknown[];
  const json = await split({ "a.json": JSON.stringify(objects) });
  assert.match(json.record.train.path, /train\.json$/);
  assert.equal(parsed(json.train).length, 18);
  assert.deepEqual(
    parsed(json.held).every((each) =>
      objects.some((object) => JSON.stringify(object) === JSON.stringify(each))
    ),
    true,
  );

  const gz = await split({ "a.jsonl.gz": gzipSync(rows(20).join("\n")) });
  assert.match(gz.record.train.path, /train\.jsonl\.gz$/);
  assert.equal(lines(gunzipSync(gz.train)).length, 18);
  const zst = await split({ "a.jsonl.zst": zstdCompressSync(rows(20).join("\n")) });
  assert.equal(lines(zstdDecompressSync(zst.train)).length, 18);

  const table = ["prompt,completion", ...rows(20).map((_, i) => `"ask, ""${i}""\nplease",${i}`)];
  const csv = await split({ "a.csv": table.join("\n") });
  assert.match(csv.record.eval.path, /eval\.csv$/);
  const [header, ...fields] = new TextDecoder().decode(csv.held).split(/\n(?=")/);
  assert.equal(header, "prompt,completion");
  assert.equal(fields.length, 2);
  assert.ok(fields.every((field) => table.includes(field.trimEnd())));

  const both = await split({ "a.jsonl": rows(9).join("\n"), "b.csv": table.join("\n") });
  assert.match(both.record.train.path, /train\.jsonl$/);
  assert.equal(both.record.train.rows + both.record.eval.rows, 29);
});

Deno.test("splitFiles() refuses rows that cannot be used and files that are there", async () => {
  const content = [...rows(20), "{"].join("\n");
  await assert.rejects(
    split({ "a.jsonl": content }),
    /line 21 of ".*a\.jsonl": it is not valid JSON/,
  );
  const { record } = await split({ "a.jsonl": content }, { skipInvalidRows: true });
  assert.equal(record.skippedRows, 1);
  assert.equal(record.train.rows + record.eval.rows, 20);
  await assert.rejects(
    split({ "a.jsonl": row("one") }),
    /Cannot hold out 1 of 1 rows|at least one/,
  );
  await assert.rejects(
    split({ "a.jsonl": content }, { heldOut: { rows: 99 }, skipInvalidRows: true }),
    /Cannot hold out 99 of 20/,
  );

  await using folder = await temporaryFolder();
  const path = join(folder.path, "train.jsonl");
  await Deno.writeTextFile(path, rows(20).join("\n"));
  const files = await describeSources([{ path, weight: 1 }]);
  const options = { heldOut: { part: 0.5 }, now: new Date(0), outputDir: folder.path };
  await assert.rejects(splitFiles(files, { ...options, overwrite: true }), /it is what is split/);
  const outputDir = join(folder.path, "out");
  await splitFiles(files, { ...options, outputDir });
  await assert.rejects(splitFiles(files, { ...options, outputDir }), /add --overwrite/);
  await splitFiles(files, { ...options, outputDir, overwrite: true });
});
