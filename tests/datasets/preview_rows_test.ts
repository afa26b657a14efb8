import assert from "node:assert/strict";
import { join } from "node:path";
import { previewPacking } from "../../src/datasets/preview_packing.ts";
import { previewRows } from "../../src/datasets/preview_rows.ts";
import { describeSources } from "../../src/datasets/sources/describe_sources.ts";
import { computeStatistics } from "../../src/datasets/stats.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { BOS, byteTokenizer, END_OF_TURN, EOS } from "./byte_tokenizer.ts";

const ROWS = [
  {
    messages: [{ role: "user", content: "é" }, { role: "assistant", content: "ok" }],
  },
  { prompt: "ab", completion: "cd" },
  { input_ids: [5, 6, 7], labels: [-100, -100, 7] },
  { prompt: "ab", completion: "\0" },
];

async function files(folder: string) {
  const path = join(folder, "a.jsonl");
  await Deno.writeTextFile(path, ROWS.map((row) => JSON.stringify(row)).join("\n"));
  return await describeSources([{ path, weight: 1 }], { format: "mixed" });
}

const tokenizer = byteTokenizer();

Deno.test("previewRows() shows tokens with ids, texts and what is trained", async () => {
  await using folder = await temporaryFolder();
  const rows = await Array.fromAsync(previewRows(await files(folder.path), { tokenizer }));
  const [chat, completion, tokens, bad] = rows;
  assert.deepEqual(
    chat!.tokens!.filter(({ trained }) => trained).map(({ id }) => id),
    [..."ok"].map((letter) => letter.charCodeAt(0)).concat(END_OF_TURN),
  );
  // the two bytes of é are two tokens, the second of which completes it
  assert.equal(chat!.tokens!.map(({ text }) => text).join(""), "user:éassistant:ok");
  assert.deepEqual(completion!.tokens!.map(({ id }) => id), [BOS, 97, 98, 99, 100, EOS]);
  assert.equal(completion!.trainedCount, 3);
  assert.deepEqual(tokens!.tokens!.map(({ id, trained }) => [id, trained]), [
    [5, false],
    [6, false],
    [7, true],
  ]);
  assert.equal(bad!.problem!.code, "null-character");
  assert.equal(bad!.line, 4);

  const [cut] = await Array.fromAsync(
    previewRows(await files(folder.path), { tokenizer, maxLength: 4 }),
  );
  assert.equal(cut!.tokens!.length, 4);
  assert.equal(cut!.cutOff, chat!.tokens!.length - 4);
  const [source] = await Array.fromAsync(previewRows(await files(folder.path)));
  assert.equal(source!.segments!.map(({ text }) => text).join(""), "user: é\nassistant: ok");
});

Deno.test("previewPacking() shows every example once, in sequences that are not too long", async () => {
  await using folder = await temporaryFolder();
  const sequences = await previewPacking(await files(folder.path), { tokenizer, maxLength: 24 });
  assert.ok(sequences.every(({ tokenCount }) => tokenCount <= 24));
  const lines = sequences.flatMap(({ examples }) => examples.map(({ line }) => line));
  assert.deepEqual(lines.sort(), [1, 2, 3]);
  assert.equal(sequences.length, 2);
});

Deno.test("computeStatistics() counts rows, turns, characters and tokens", async () => {
  await using folder = await temporaryFolder();
  const statistics = await computeStatistics(await files(folder.path), { tokenizer, maxLength: 8 });
  assert.equal(statistics.rows, 4);
  assert.deepEqual(statistics.unusable, { "null-character": 1 });
  assert.deepEqual(statistics.kinds, { tokens: 1, messages: 1, completion: 1, text: 0 });
  assert.deepEqual(statistics.roles, { user: 1, assistant: 1 });
  assert.equal(statistics.turns!.max, 2);
  assert.deepEqual([statistics.characters!.min, statistics.characters!.max], [3, 4]);
  const chat = 1 + "user:".length + 2 + 1 + "assistant:".length + 2 + 1;
  const { total, trainedTokens, longerRows, packing } = statistics.tokens!;
  assert.equal(total, chat + 6 + 3);
  assert.equal(trainedTokens, 3 + 3 + 1);
  assert.equal(longerRows, 1);
  assert.equal(packing!.sequences, 3);
});
