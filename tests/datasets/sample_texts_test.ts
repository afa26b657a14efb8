import assert from "node:assert/strict";
import { join } from "node:path";
import { sampleTexts } from "../../src/datasets/sample_texts.ts";
import { temporaryFolder } from "../temporary_folder.ts";

Deno.test("sampleTexts() gives all texts, or those of rows at equal distances where they are too many", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  const rows = Array.from({ length: 100 }, (_, i) => JSON.stringify({ text: `text ${i + 100}` }));
  await Deno.writeTextFile(path, rows.join("\n"));
  assert.equal((await sampleTexts(path)).length, 100);
  const some = await sampleTexts(path, { maxCharacters: 8 * 30 });
  assert.deepEqual(some, Array.from({ length: 25 }, (_, i) => `text ${4 * i + 100}`));
  assert.deepEqual(await sampleTexts(path, { maxCharacters: 1 }), ["text 100"]);
});
