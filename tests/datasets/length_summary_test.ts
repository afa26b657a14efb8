import assert from "node:assert/strict";
import fc from "fast-check";
import {
  estimatePacking,
  estimatePadding,
  lengthHistogram,
  summarizeLengths,
} from "../../src/datasets/length_summary.ts";

const lengths = fc.array(fc.oneof(fc.nat(40), fc.nat(5000)), { minLength: 1, maxLength: 200 });

Deno.test("lengthHistogram() counts every length in one bar", () => {
  fc.assert(fc.property(lengths, (list) => {
    const bins = lengthHistogram(Int32Array.from(list));
    for (const [i, { from, to, count }] of bins.entries()) {
      assert.equal(count, list.filter((length) => length >= from && length <= to).length);
      if (i > 0) assert.equal(from, bins[i - 1]!.to + 1);
    }
    assert.equal(bins.reduce((sum, { count }) => sum + count, 0), list.length);
    assert.ok(bins.length <= 15);
  }));
});

Deno.test("summarizeLengths() gives what sorting gives", () => {
  assert.equal(summarizeLengths(new Int32Array()), undefined);
  assert.deepEqual(summarizeLengths(Int32Array.of(5, 1, 3, 9)), {
    ...{ count: 4, total: 18, min: 1, median: 3, mean: 4.5, p95: 9, max: 9 },
  });
});

/** Best fit, longest first, one row after the other. */
function bestFit(list: readonly number[], maxLength: number): number {
  const rooms: number[] = [];
  for (const length of list.map((each) => Math.min(each, maxLength)).sort((a, b) => b - a)) {
    if (length === 0) continue;
    const fitting = rooms.filter((room) => room >= length);
    const at = fitting.length === 0 ? -1 : rooms.indexOf(Math.min(...fitting));
    if (at < 0) rooms.push(maxLength - length);
    else rooms[at]! -= length;
  }
  return rooms.length;
}

Deno.test("estimatePacking() needs as many sequences as packing row by row", () => {
  fc.assert(fc.property(lengths, fc.integer({ min: 2, max: 600 }), (list, maxLength) => {
    const estimate = estimatePacking(Int32Array.from(list), maxLength)!;
    assert.equal(estimate.sequences, bestFit(list, maxLength));
  }));
});

Deno.test("estimatePadding() counts the positions that hold no token", () => {
  const options = { batchSize: 2, maxLength: 10 };
  // 4 + 2 tokens in 2 · 16 positions, and as many for 10 and a row that fills up
  assert.equal(estimatePadding([4, 2, 30], options), 1 - 16 / 64);
  assert.equal(estimatePadding([], options), 0);
});
