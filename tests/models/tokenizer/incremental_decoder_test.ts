import assert from "node:assert/strict";
import fc from "fast-check";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createIncrementalDecoder } from "../../../src/models/tokenizer/incremental_decoder.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { testWithData } from "../../shared_data.ts";
import { GOLDEN_TOKENIZERS, openGoldenTokenizer } from "./golden_tokenizers.ts";

const TEXTS = ["Grüße, 世界! 👩‍👩‍👧 naïve café", "Grüße, 世界! 👩‍👩‍👧"];

function pieces(
  tokenizer: Tokenizer,
  ids: readonly number[],
  skipSpecialTokens: boolean,
): string[] {
  const decoder = createIncrementalDecoder(tokenizer, { skipSpecialTokens });
  return [...ids.map((id) => decoder.push(id)), decoder.end()];
}

/** Any ids in any order: bytes that are no characters, special tokens, spaces at the beginning. */
function checkRandomIds(tokenizer: Tokenizer, runs: number): void {
  const id = fc.oneof(
    fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }),
    fc.integer({ min: 0, max: Math.min(300, tokenizer.vocabSize - 1) }),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 24 }), fc.boolean(), (ids, skipSpecialTokens) => {
      const decoded = tokenizer.decode(ids, { skipSpecialTokens });
      assert.equal(pieces(tokenizer, ids, skipSpecialTokens).join(""), decoded);
    }),
    { numRuns: runs },
  );
}

for (const name of GOLDEN_TOKENIZERS) {
  testWithData(
    `createIncrementalDecoder() pieces of random ids join to decode(): ${name}`,
    { data: `tokenizers/${name}` },
    (folder) => checkRandomIds(openGoldenTokenizer(folder), 300),
  );
}

Deno.test("createIncrementalDecoder() pieces of random ids join to decode(): trained", () => {
  checkRandomIds(createTokenizer(trainBpe({ texts: TEXTS, vocabSize: 280 })), 500);
});

Deno.test("createIncrementalDecoder() holds a character back until its last byte", () => {
  const tokenizer = createTokenizer(trainBpe({ texts: [], vocabSize: 259 }));
  const text = "a€😀";
  const held = pieces(tokenizer, tokenizer.encode(text), true);
  assert.deepEqual(held, ["a", "", "", "€", "", "", "", "😀", ""]);
});

Deno.test("createIncrementalDecoder() gives up on bytes that no character begins with", () => {
  const tokenizer = createTokenizer(trainBpe({ texts: [], vocabSize: 259 }));
  const [first] = tokenizer.encode("€");
  assert.deepEqual(pieces(tokenizer, [first!, ...tokenizer.encode("a")], true), [
    "",
    "\uFFFDa",
    "",
  ]);
  assert.deepEqual(pieces(tokenizer, [first!], true), ["", "\uFFFD"]);
});
