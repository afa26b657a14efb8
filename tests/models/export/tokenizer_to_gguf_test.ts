import assert from "node:assert/strict";
import { ggufContent } from "../../../src/engine/tensor/gguf/gguf_writer.ts";
import { tokenizerToGguf } from "../../../src/models/export/tokenizer_to_gguf.ts";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer, loadTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { sharedData, testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { GOLDEN_TOKENIZERS, openGoldenTokenizer } from "../tokenizer/golden_tokenizers.ts";

/** Writes a file that holds a tokenizer and nothing else, and opens it again. */
async function roundTrip(tokenizer: Tokenizer, vocabSize = tokenizer.vocabSize) {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/tokenizer.gguf`;
  const { metadata, warnings } = tokenizerToGguf(tokenizer, { vocabSize });
  const read = () => Promise.reject(new Error("there are no tensors"));
  await writeFileAtomic(path, ggufContent({ metadata, tensors: [], read }));
  return { opened: (await loadTokenizer(path))!, metadata, warnings };
}

interface GoldenCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly ids_with_special_tokens?: readonly number[];
  readonly decoded: string;
}

/** What llama.cpp calls each golden tokenizer. */
const PRE: Readonly<Record<string, string>> = {
  gpt2: "gpt-2",
  qwen3: "qwen2",
  "mistral-v0.1": "default",
};

for (const name of GOLDEN_TOKENIZERS) {
  testWithData(
    `a tokenizer written as GGUF and opened again gives the golden ids: ${name}`,
    { data: `tokenizers/${name}` },
    async (folder) => {
      const original = openGoldenTokenizer(folder);
      const { opened, metadata, warnings } = await roundTrip(original, original.vocabSize + 5);
      assert.equal(metadata.get("tokenizer.ggml.pre")?.value, PRE[name]);
      assert.match(warnings.join(), name === "qwen3" ? /normalises it before \(NFC\)/ : /^$/);
      const golden: { readonly cases: readonly GoldenCase[] } = JSON.parse(
        await Deno.readTextFile(sharedData(`golden/tokenizers/${name}.json`)!),
      );
      for (const { text, ids, ids_with_special_tokens, decoded } of golden.cases) {
        assert.deepEqual(opened.encode(text, { addSpecialTokens: false }), ids, text);
        assert.deepEqual(opened.encode(text), ids_with_special_tokens ?? ids, text);
        assert.equal(opened.decode(ids, { skipSpecialTokens: false }), decoded);
      }
      assert.equal(opened.vocabSize, original.vocabSize);
      assert.deepEqual(opened.eosTokenIds, original.eosTokenIds);
      assert.equal(opened.bosTokenId, original.bosTokenId);
      assert.equal(opened.padTokenId, original.padTokenId);
      assert.equal(opened.hasChatTemplate, original.hasChatTemplate);
      if (original.hasChatTemplate) assert.equal(opened.chatTemplate, original.chatTemplate);
    },
  );
}

Deno.test("a tokenizer that was learned here is the same after a way through GGUF", async () => {
  const texts = ["It's 42 below, said Zoë.\n\nNo: 43!", "naïve cafés, don't they?"];
  const original = createTokenizer(trainBpe({ texts, vocabSize: 300 }));
  const { opened, metadata } = await roundTrip(original);
  // as qwen2, but texts are not normalised
  assert.equal(metadata.get("tokenizer.ggml.pre")?.value, "hunyuan");
  for (const text of [...texts, "e\u0301 <|im_end|> x"]) {
    assert.deepEqual(opened.encode(text), original.encode(text));
  }
  const chat = [{ role: "user", content: "Hi!" }];
  assert.deepEqual(opened.renderChat(chat).ids, original.renderChat(chat).ids);
});

testWithData(
  "tokenizerToGguf() says what llama.cpp cannot do with a list of merges",
  { data: "models/TinyStories-656K" },
  async (folder) => {
    const original = (await loadTokenizer(folder))!;
    const { opened, metadata, warnings } = await roundTrip(original);
    assert.match(warnings.join(), /merges any two neighbours .*no tokens for bytes/);
    assert.equal(metadata.get("tokenizer.ggml.add_bos_token")?.value, true);
    assert.deepEqual(opened.encode("Once upon a time"), original.encode("Once upon a time"));
  },
);

Deno.test("tokenizerToGguf() refuses a tokenizer of another kind and one larger than the model", () => {
  const files = (json: unknown) =>
    new Map([["tokenizer.json", new TextEncoder().encode(JSON.stringify(json))]]);
  const unigram = createTokenizer(files({
    model: { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0], ["a", -1]] },
  }));
  assert.throws(() => tokenizerToGguf(unigram, { vocabSize: 2 }), /of the kind Unigram; BPE is/);
  const learned = createTokenizer(trainBpe({ texts: ["abc"], vocabSize: 270 }));
  assert.throws(
    () => tokenizerToGguf(learned, { vocabSize: 100 }),
    /has the id \d+, but the model has 100 ids/,
  );
});
