import assert from "node:assert/strict";
import fc from "fast-check";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import witness from "../../fixtures/bpe_trainer.json" with { type: "json" };

interface TrainedModel {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly string[])[];
}

function trainedModel(files: ReadonlyMap<string, Uint8Array>): TrainedModel {
  return JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))).model;
}

Deno.test("trainBpe() learns what tokenizers' BpeTrainer learns and stops as early", () => {
  const specialTokens = ["<|endoftext|>"];
  const files = trainBpe({ texts: witness.texts, vocabSize: 1000, specialTokens });
  const { vocab, merges } = trainedModel(files);
  assert.deepEqual(merges, witness.merges);
  assert.deepEqual(vocab, witness.vocab);
  const tokenizer = createTokenizer(files);
  assert.deepEqual(tokenizer.encode(witness.awkward.text), witness.awkward.ids);
  assert.equal(
    tokenizer.decode(witness.awkward.ids, { skipSpecialTokens: false }),
    witness.awkward.text,
  );
});

Deno.test("trainBpe() merges the most frequent pair, found by counting anew each time", () => {
  const words = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(words, (texts) => {
      const { vocab, merges } = trainedModel(
        trainBpe({ texts, vocabSize: 275, specialTokens: ["<|endoftext|>"] }),
      );
      assert.deepEqual(merges, countAnew(texts, vocab, 275 - 257));
    }),
    { numRuns: 100 },
  );
});

Deno.test("trainBpe() gives the same files for the same texts", () => {
  const train = () => trainBpe({ texts: witness.texts, vocabSize: 300 });
  assert.deepEqual(train(), train());
});

Deno.test("trainBpe() has a token for every text", () => {
  const tokenizer = createTokenizer(trainBpe({ texts: witness.texts, vocabSize: 300 }));
  assert.equal(tokenizer.vocabSize, 300);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const ids = tokenizer.encode(text, { parseSpecialTokens: false });
      assert.equal(tokenizer.decode(ids), text);
    }),
  );
});

Deno.test("trainBpe() makes ChatML whose turns end with a token that generation stops at", () => {
  const tokenizer = createTokenizer(trainBpe({ texts: [], vocabSize: 259 }));
  assert.deepEqual([tokenizer.eosTokenIds, tokenizer.padTokenId], [[2], 0]);
  assert.equal(tokenizer.hasChatTemplate, true);
  const { ids, assistantMask } = tokenizer.renderChat([
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ]);
  const trained = ids.filter((_, i) => assistantMask[i] === 1);
  assert.equal(tokenizer.decode(trained, { skipSpecialTokens: false }), "b<|im_end|>");
});

Deno.test("trainBpe() has a token for each role of ChatML", () => {
  const tokenizer = createTokenizer(trainBpe({ texts: [], vocabSize: 300 }));
  for (const role of ["system", "user", "assistant"]) {
    assert.equal(tokenizer.encode(role).length, 1, role);
  }
});

Deno.test("trainBpe() refuses a vocabulary without room for the bytes", () => {
  assert.throws(
    () => trainBpe({ texts: [], vocabSize: 100 }),
    /"vocabSize" must be at least 259.*current value is 100/,
  );
});

/** The algorithm as it is written down, without any bookkeeping. */
function countAnew(
  texts: readonly string[],
  vocab: Readonly<Record<string, number>>,
  limit: number,
): string[][] {
  let words = texts.map((text) => Array.from(text));
  const merges: string[][] = [];
  while (merges.length < limit) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = `${word[i]} ${word[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const ids = (pair: string) => pair.split(" ").map((token) => vocab[token]!);
    const best = [...counts].toSorted(([a, m], [b, n]) =>
      n - m || ids(a)[0]! - ids(b)[0]! || ids(a)[1]! - ids(b)[1]!
    )[0];
    if (best === undefined || best[1] < 2) {
      break;
    }
    const [left, right] = best[0].split(" ");
    merges.push([left!, right!]);
    words = words.map((word) => {
      const merged: string[] = [];
      for (let i = 0; i < word.length; i++) {
        const together = word[i] === left && word[i + 1] === right;
        merged.push(together ? word[i]! + word[++i]! : word[i]!);
      }
      return merged;
    });
  }
  return merges;
}
