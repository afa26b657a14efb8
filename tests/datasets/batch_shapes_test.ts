import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BatchRows,
  paddingOf,
  planBatchShapes,
  workOf,
} from "../../src/datasets/batch_shapes.ts";
import { paddedLength } from "../../src/datasets/batch.ts";
import { createRandom } from "../../src/utils/random.ts";

const batchSize = 4;

/** Micro-batches whose rows, mostly short, are one example each. */
function skewedBatches(count: number): BatchRows[] {
  const random = createRandom(1);
  const length = () => Math.min(512, 8 + Math.floor(40 / (1.02 - random.next())));
  return Array.from({ length: count }, () => single(Array.from({ length: batchSize }, length)));
}

/** Rows that are one example each. */
function single(lengths: readonly number[]): BatchRows {
  return { lengths, longestExample: Math.max(...lengths) };
}

Deno.test("planBatchShapes() has room for every row, in few shapes", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 3000 }), {
    minLength: 1,
    maxLength: batchSize,
  });
  // the longest example of packed rows is a part of the longest row
  const rows = fc.tuple(lengths, fc.double({ min: 0.01, max: 1, noNaN: true })).map((
    [lengths, part],
  ): BatchRows => ({ lengths, longestExample: Math.ceil(part * Math.max(...lengths)) }));
  const batches = fc.array(rows, { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(batches, batches, fc.boolean(), fc.boolean(), (first, others, joins, packed) => {
      const asRows = (batch: BatchRows) => packed ? batch : single(batch.lengths);
      const all = [...first, ...others].map(asRows);
      const { shapes, shapeOf } = planBatchShapes(first.map(asRows), {
        batchSize,
        longest: Math.max(...all.flatMap(({ lengths }) => lengths)),
        longestExample: packed
          ? Math.max(...all.map(({ longestExample }) => longestExample))
          : undefined,
        joins,
      });
      assert.ok(shapes.length <= 5);
      for (const rows of all) {
        const { lengths, longestExample } = rows;
        const { batch, seqLen, joined, reach } = shapeOf(rows);
        assert.equal(batch, joined ? 1 : batchSize);
        assert.ok(!joined || joins);
        const needed = joined
          ? lengths.reduce((sum, length) => sum + length, 0)
          : Math.max(...lengths);
        assert.ok(seqLen >= needed && seqLen % 16 === 0);
        assert.ok(reach >= longestExample && (packed || joined || reach === seqLen));
        assert.ok(batch * seqLen <= batchSize * shapes[0]!.seqLen);
      }
    }),
  );
});

Deno.test("planBatchShapes() leaves little padding where rows are joined, and in few shapes not much more than many leave", () => {
  const batches = skewedBatches(500);
  const lengths = batches.map((rows) => rows.lengths);
  const tokens = lengths.flat().reduce((sum, length) => sum + length, 0);
  const computed = lengths.reduce(
    (sum, lengths) => sum + batchSize * paddedLength(Math.max(...lengths)),
    0,
  );
  const ladder = 1 - tokens / computed; // seven shapes
  const shareOf = (joins: boolean) =>
    paddingOf(batches, planBatchShapes(batches, { batchSize, joins })).share;
  assert.ok(shareOf(false) < 1.1 * ladder, `${shareOf(false)}, ${ladder}`);
  assert.ok(shareOf(true) < 0.6 * ladder, `${shareOf(true)}, ${ladder}`);
});

Deno.test("planBatchShapes() takes one shape where another would not pay for its graph", () => {
  const batches = [[20, 30, 3, 9], [7, 60, 8, 8]].map(single);
  const { shapes } = planBatchShapes(batches, { batchSize, joins: true });
  assert.deepEqual(shapes, [{ batch: batchSize, seqLen: 64, joined: false, reach: 64 }]);
});

Deno.test("planBatchShapes() bounds what attention costs by the longest example of rows that hold several", () => {
  const packed = (longestExample: number, count: number) =>
    Array.from({ length: count }, (): BatchRows => ({ lengths: [2048, 2040], longestExample }));
  const few = { batchSize: 2, longestExample: 1500, joins: false };
  const bounded = planBatchShapes([...packed(200, 50), ...packed(1500, 2)], few);
  const reachFor = (longestExample: number) =>
    bounded.shapeOf({ lengths: [2048, 2048], longestExample }).reach;
  // eight blocks, each of which sees itself and the one before
  assert.equal(reachFor(200), 257);
  assert.equal(reachFor(257), 257);
  assert.equal(reachFor(258), 2048);
  assert.ok(workOf(bounded.shapes[1]!) < 0.75 * workOf(bounded.shapes[0]!));
});
