import assert from "node:assert/strict";
import { createTokenizer, loadTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { testWithData } from "../../shared_data.ts";

testWithData(
  "loadTokenizer() finds special tokens as transformers does",
  { data: "models/TinyStories-656K" },
  async (folder) => {
    const tokenizer = await loadTokenizer(folder);
    assert.ok(tokenizer);
    // transformers 5.23: AutoTokenizer.from_pretrained(folder)(text).input_ids
    assert.deepEqual(tokenizer.encode("Hello<|end_story|>"), [1, 80, 1288, 67, 2]);
    assert.deepEqual(tokenizer.encode("Hello <|end_story|>"), [1, 80, 1288, 139, 2]);
    assert.equal(tokenizer.decode([1, 5, 2, 5, 0, 5]), '"""');
    assert.deepEqual(
      [tokenizer.vocabSize, tokenizer.bosTokenId, tokenizer.eosTokenIds, tokenizer.padTokenId],
      [2048, 1, [2], 0],
    );
  },
);

testWithData(
  "loadTokenizer() encodes a megabyte within seconds",
  { data: "datasets/tinyshakespeare/input.txt" },
  async (path) => {
    const text = Deno.readTextFileSync(path);
    const folder = path.replace("datasets/tinyshakespeare/input.txt", "tokenizers/mistral-v0.1");
    const tokenizer = await loadTokenizer(folder);
    assert.ok(tokenizer);
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    assert.equal(ids.length, 361_972); // tokenizers 0.23.3
    assert.equal(tokenizer.decode(ids), text);
  },
);
