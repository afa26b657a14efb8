import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { exampleAt, exampleCount } from "../../src/datasets/dataset.ts";
import { openDataset } from "../../src/datasets/open_dataset.ts";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { BOS, byteTokenizer, EOS } from "./byte_tokenizer.ts";

const options = {
  tokenizer: byteTokenizer(),
  maxLength: 8,
  vocabSize: 259,
  format: "mixed",
} as const;

const MIXED = [
  { text: "abcdefghij" }, // 12 tokens, so two windows
  { prompt: "p", completion: "cc" }, // 5 tokens, 3 of them trained
  { prompt: "long", completion: "longer" }, // cut off after 8, 3 of them trained
  { prompt: "much too long", completion: "c" }, // nothing trained is left
  { input_ids: [1, 2, 3], labels: [1, -100, 3] }, // 1 trained, because the first never is
  { messages: [{ role: "assistant", content: "x" }] }, // cut off, and a warning
].map((row) => JSON.stringify(row)).join("\n");

Deno.test("openDataset() encodes every row and counts what became of it", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, MIXED);
  const warnings: string[] = [];
  await assert.rejects(openDataset(path, { ...options, maxLength: 1 }), RangeError);
  using dataset = await openDataset(path, {
    ...options,
    onWarning: (warning, place) => warnings.push(`${place?.line}: ${warning}`),
  });
  assert.deepEqual(dataset.statistics, {
    rows: 6,
    conversations: 1,
    examples: 5,
    tokens: 8 + 4 + 5 + 8 + 3,
    trainedTokens: 7 + 3 + 3 + 3 + 1,
    longestExample: 8,
    truncatedRows: 3,
    droppedRows: 2,
    dropReasons: { "cut-off": 2 },
  });
  assert.equal(exampleCount(dataset), 5);
  assert.deepEqual([...exampleAt(dataset, 1).inputIds], [104, 105, 106, EOS]);
  assert.deepEqual([...exampleAt(dataset, 2).inputIds], [BOS, 112, 99, 99, EOS]);
  assert.deepEqual([...exampleAt(dataset, 2).labels], [-100, -100, 99, 99, EOS]);
  assert.deepEqual([...exampleAt(dataset, 4).labels], [1, -100, 3]);
  assert.equal(dataset.sha256, createHash("sha256").update(MIXED).digest("hex"));
  assert.deepEqual(warnings, ["6: the first turn is not the user's"]);
});

Deno.test("openDataset() names the file when every row is left out, and the line of a broken one", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, '{"prompt": "too long a prompt", "completion": "c"}\n');
  await assert.rejects(openDataset(path, options), {
    name: "UserError",
    message:
      /^Cannot train on ".*a\.jsonl": none of its 1 rows is left \(1: nothing trained is left .*\); raise --max-length, which is 8,/,
  });
  await Deno.writeTextFile(path, `${'{"text":"a"}\n'.repeat(6)}{"text": \n`);
  await assert.rejects(openDataset(path, options), {
    name: "UserError",
    message: /^Cannot use line 7 of ".*a\.jsonl": it is not valid JSON, /,
  });
});

testWithData(
  "openDataset() holds every byte of a real data set",
  { data: "datasets/llamafactory/c4_demo.jsonl" },
  async (path) => {
    using dataset = await openDataset(path, { ...options, maxLength: 512 });
    const texts = (await Deno.readTextFile(path)).trim().split("\n")
      .map((line) => (JSON.parse(line) as { text: string }).text);
    const bytes = texts.map((text) => new TextEncoder().encode(text).length);
    assert.equal(dataset.statistics.rows, texts.length);
    // BOS and EOS each; windows of one token are left out
    const kept = bytes.map((count) => count + 2 - ((count + 2) % 512 === 1 ? 1 : 0));
    assert.equal(dataset.statistics.tokens, kept.reduce((sum, count) => sum + count, 0));
    assert.equal(
      Array.from(dataset.lengths, (_, i) => exampleAt(dataset, i).inputIds.length)
        .reduce((sum, length) => sum + length),
      dataset.statistics.tokens,
    );
  },
);
