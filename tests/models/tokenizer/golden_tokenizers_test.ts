import assert from "node:assert/strict";
import { createIncrementalDecoder } from "../../../src/models/tokenizer/incremental_decoder.ts";
import { sharedData, testWithData } from "../../shared_data.ts";
import { GOLDEN_TOKENIZERS, openGoldenTokenizer } from "./golden_tokenizers.ts";

interface GoldenCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly ids_with_special_tokens?: readonly number[];
  readonly ids_split_special_tokens?: readonly number[];
  readonly decoded_skip_special_tokens?: string;
}

for (const name of GOLDEN_TOKENIZERS) {
  testWithData(
    `encode() and decode() agree with tokenizers on every golden string: ${name}`,
    { data: `tokenizers/${name}` },
    (folder) => {
      const tokenizer = openGoldenTokenizer(folder);
      const golden: { readonly cases: readonly GoldenCase[] } = JSON.parse(
        Deno.readTextFileSync(sharedData(`golden/tokenizers/${name}.json`)!),
      );
      assert.equal(golden.cases.length, 67);
      for (const row of golden.cases) {
        const ids = [...row.ids];
        assert.deepEqual(tokenizer.encode(row.text, { addSpecialTokens: false }), ids, row.text);
        assert.deepEqual(tokenizer.encode(row.text), row.ids_with_special_tokens ?? ids, row.text);
        assert.deepEqual(
          tokenizer.encode(row.text, { addSpecialTokens: false, parseSpecialTokens: false }),
          row.ids_split_special_tokens ?? ids,
          row.text,
        );
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), row.decoded);
        assert.equal(tokenizer.decode(ids), row.decoded_skip_special_tokens ?? row.decoded);
      }
    },
  );

  testWithData(
    `createIncrementalDecoder() pieces join to decode() on every golden string: ${name}`,
    { data: `tokenizers/${name}` },
    (folder) => {
      const tokenizer = openGoldenTokenizer(folder);
      const golden: { readonly cases: readonly GoldenCase[] } = JSON.parse(
        Deno.readTextFileSync(sharedData(`golden/tokenizers/${name}.json`)!),
      );
      for (const { text, ids } of golden.cases) {
        const decoder = createIncrementalDecoder(tokenizer);
        const pieces = ids.map((id) => decoder.push(id));
        if (!text.toWellFormed().includes("\uFFFD")) {
          assert.ok(!pieces.some((piece) => piece.includes("\uFFFD")), text);
        }
        assert.equal(pieces.join("") + decoder.end(), tokenizer.decode(ids), text);
      }
    },
  );
}
