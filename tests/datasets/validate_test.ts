import assert from "node:assert/strict";
import { join } from "node:path";
import { validateDataset, type ValidationModel } from "../../src/datasets/validate.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { byteTokenizer } from "./byte_tokenizer.ts";

async function validate(lines: readonly string[], model?: ValidationModel) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, lines.join("\n"));
  return await validateDataset(path, { model, maxErrors: 2 });
}

Deno.test("validateDataset() reports every mistake with its line and counts what is odd", async () => {
  const assistant = '{"messages": [{"role": "assistant", "content": "x"}]}';
  const report = await validate(['{"text": "a"}', "{", assistant, "[]", assistant, "3"]);
  assert.equal(report.valid, false);
  assert.equal(report.rows, 3);
  assert.deepEqual(report.kinds, { tokens: 0, messages: 2, completion: 0, text: 1 });
  assert.equal(report.errorCount, 3);
  assert.deepEqual(report.errors.map((error) => /line \d/.exec(error)?.[0]), ["line 2", "line 4"]);
  assert.deepEqual(report.warnings, [
    { warning: "the first turn is not the user's", rows: 2, firstLine: 3 },
  ]);
  assert.equal(report.lengths, undefined);
});

Deno.test("validateDataset() measures rows in tokens", async () => {
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 8 };
  const rows = [
    ...Array.from({ length: 18 }, () => '{"text": "abcd"}'), // 6 tokens, 5 of them trained
    '{"prompt": "much too long", "completion": "c"}', // 16 tokens
    '{"text": "abcdefghijklmnopqrstuvwxyz"}', // 28 tokens
  ];
  assert.deepEqual((await validate(rows, model)).lengths, {
    tokens: 18 * 6 + 16 + 28,
    trainedTokens: 18 * 5 + 2 + 27,
    min: 6,
    median: 6,
    p95: 16,
    max: 28,
    maxLength: 8,
    longerRows: 2,
    droppedRows: 1,
  });
  assert.equal((await validate(rows, model)).valid, true);
  assert.equal((await validate(rows.slice(18, 19), model)).valid, false);
  const small = await validate(['{"text": "a"}'], { ...model, vocabSize: 200 });
  assert.match(small.errors[0]!, /the tokenizer gives token id 256, but the model has only 200/);
});
