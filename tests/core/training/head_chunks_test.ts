import assert from "node:assert/strict";
import { chunkFeeds, chunkRows, cutTokens } from "../../../src/core/training/head_chunks.ts";
import { tensor } from "../../../src/engine/tensor/tensor.ts";

Deno.test("cutTokens() lets each token count once, in chunks of one size", () => {
  for (const [total, maxLogits] of [[10, 40], [10, 30], [7, 70], [13, 1], [97, 160], [1, 5]]) {
    const chunks = cutTokens(total!, { vocabSize: 10, maxLogits: maxLogits! });
    const counted = chunks.flatMap(({ start, tokens, repeated }) =>
      Array.from({ length: tokens - repeated }, (_, i) => start + repeated + i)
    );
    assert.deepEqual(counted.toSorted((a, b) => a - b), [...Array(total).keys()]);
    assert.equal(new Set(chunks.map(({ tokens }) => tokens)).size, 1);
    assert.ok(chunks[0]!.tokens * 10 <= Math.max(maxLogits!, 10));
    assert.ok(chunks.every(({ start, tokens }) => start + tokens <= total!));
    assert.ok(chunks.slice(1).every(({ repeated }) => repeated === 0), "only the last repeats");
  }
});

Deno.test("chunkFeeds() gives a chunk's part, in which repeated tokens have no weight", () => {
  const feeds = {
    ids: tensor("int64", [5, 1, 1], new BigInt64Array(5)),
    targets: tensor("int64", [5, 1], BigInt64Array.of(10n, 11n, 12n, 13n, 14n)),
    token_weights: tensor("float32", [5, 1], Float32Array.of(1, 2, 3, 4, 5)),
  };
  const hidden = tensor("float32", [1, 5, 2], Float32Array.from({ length: 10 }, (_, i) => i));
  const chunk = { start: 2, tokens: 3, repeated: 1 };
  assert.deepEqual(chunkFeeds(chunk, { feeds, hidden }), {
    hidden: tensor("float32", [1, 3, 2], Float32Array.of(4, 5, 6, 7, 8, 9)),
    targets: tensor("int64", [3, 1], BigInt64Array.of(12n, 13n, 14n)),
    token_weights: tensor("float32", [3, 1], Float32Array.of(0, 4, 5)),
  });
  assert.equal(chunkRows(chunk, hidden).data.buffer, hidden.data.buffer, "a view");
});
