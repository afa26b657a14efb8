import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Dataset, sequenceAt } from "../../../src/datasets/dataset.ts";
import { openDataset, type OpenDatasetOptions } from "../../../src/datasets/open_dataset.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { byteTokenizer } from "../byte_tokenizer.ts";

const ROWS = ["one", "two", "three", "four", "five"].map((text) => ({ text }));
const CHAT = { messages: [{ role: "assistant", content: "x" }] };

async function write(path: string, rows: readonly unknown[] = ROWS): Promise<string> {
  await Deno.writeTextFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

/** Opens data sets with a cache, and counts the files whose tokens are made. */
function opener(folder: string) {
  const log = { made: [] as string[], warnings: [] as string[] };
  const open = (
    sources: Parameters<typeof openDataset>[0],
    options: Partial<OpenDatasetOptions> = {},
  ): Promise<Dataset> =>
    openDataset(sources, {
      ...{ tokenizer: byteTokenizer(), maxLength: 32, vocabSize: 259 },
      cache: { folder: join(folder, "tokens") },
      onProgress: ({ path, rows }) => rows === 0 && log.made.push(path),
      onWarning: (warning, place) => log.warnings.push(`${place?.line ?? "–"}: ${warning}`),
      ...options,
    });
  return { log, open };
}

function contents(dataset: Dataset) {
  const { path: _, files, ...rest } = dataset;
  return {
    ...{ ...rest, read: undefined, [Symbol.dispose]: undefined },
    files: files.map(({ sha256 }) => sha256),
    examples: Array.from(dataset.lengths, (_, i) => sequenceAt(dataset, i)),
  };
}

Deno.test("openDataset() makes the tokens of a file once, whatever its name", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  const path = await write(join(folder.path, "a.jsonl"));
  using first = await open(path);
  using again = await open(path);
  const copy = join(folder.path, "b.jsonl");
  await Deno.copyFile(path, copy);
  using other = await open(copy);
  assert.deepEqual(log.made, [path]);
  for (const each of [again, other]) {
    assert.deepEqual({ ...contents(each), sources: [] }, { ...contents(first), sources: [] });
  }
  using uncached = await open(path, { cache: undefined });
  assert.deepEqual(contents(uncached), contents(first));
  assert.deepEqual(log.made, [path, path]);
});

Deno.test("openDataset() makes tokens anew when anything changes that they follow from", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  const path = await write(join(folder.path, "a.jsonl"));
  const changed = (change: Partial<Tokenizer>): Tokenizer => ({ ...byteTokenizer(), ...change });
  const variants: Partial<OpenDatasetOptions>[] = [
    {},
    { maxLength: 16 },
    { truncation: "drop" },
    { vocabSize: 300 },
    { format: "text" },
    { tokenizer: changed({ chatTemplate: "{{ messages }}" }) },
    { tokenizer: changed({ eosTokenIds: [1] }) },
    { tokenizer: changed({ files: new Map([["tokenizer.json", Uint8Array.of(1)]]) }) },
  ];
  for (const [i, variant] of variants.entries()) {
    for (let time = 0; time < 2; time++) (await open(path, variant))[Symbol.dispose]();
    assert.equal(log.made.length, i + 1);
  }
  await write(path, [...ROWS, { text: "six" }]);
  (await open(path))[Symbol.dispose]();
  assert.equal(log.made.length, variants.length + 1);
});

Deno.test("openDataset() repeats what is odd about rows whose tokens were kept", async () => {
  await using folder = await temporaryFolder();
  const { log, open } = opener(folder.path);
  const path = await write(join(folder.path, "a.jsonl"), [CHAT, CHAT]);
  for (let time = 1; time <= 2; time++) {
    (await open(path))[Symbol.dispose]();
    assert.equal(log.warnings.length, 2 * time);
  }
  assert.deepEqual(log.warnings.slice(2), log.warnings.slice(0, 2));
});

Deno.test("openDataset() leaves no tokens of a file that cannot be used, or whose reading was ended", async () => {
  await using folder = await temporaryFolder();
  const { open } = opener(folder.path);
  const kept = () => Array.fromAsync(Deno.readDir(join(folder.path, "tokens")), ({ name }) => name);
  const path = await write(join(folder.path, "a.jsonl"), [...ROWS, { text: 3 }]);
  await assert.rejects(open(path), { message: /^Cannot use line 6 of ".*a\.jsonl": / });
  assert.deepEqual(await kept(), []);
  const controller = new AbortController();
  const { signal } = controller;
  const large = Array.from({ length: 5000 }, () => ROWS[0]);
  await write(path, large);
  const ended = open(path, { signal, onProgress: () => controller.abort(new Error("enough")) });
  await assert.rejects(ended, { message: "enough" });
  assert.deepEqual(await kept(), []);
});

Deno.test("openDataset() reads the tokens of several files and weights one after the other", async () => {
  await using folder = await temporaryFolder();
  const { open } = opener(folder.path);
  await Deno.mkdir(join(folder.path, "more"));
  const a = await write(join(folder.path, "a.jsonl"));
  await write(join(folder.path, "more", "b.jsonl"), ROWS.slice(0, 2));
  await Deno.writeFile(
    join(folder.path, "more", "c.jsonl.gz"),
    gzipSync(JSON.stringify({ text: "zipped" })),
  );
  await Deno.writeTextFile(join(folder.path, "more", "d.jsonl"), "");
  using dataset = await open([{ path: a, weight: 1 }, {
    path: join(folder.path, "more"),
    weight: 0.5,
  }]);
  assert.equal(dataset.statistics.rows, 8);
  assert.deepEqual(dataset.sources.map(({ weight, examples }) => [weight, examples]), [
    [1, 5],
    [0.5, 3],
  ]);
  const decoded = contents(dataset).examples.map(([example]) =>
    byteTokenizer().decode([...example!.inputIds])
  );
  assert.deepEqual(decoded, [...ROWS.map(({ text }) => text), "one", "two", "zipped"]);
  using other = await open([{ path: a, weight: 1 }, {
    path: join(folder.path, "more"),
    weight: 0.6,
  }]);
  assert.notEqual(other.sha256, dataset.sha256);
});
