import assert from "node:assert/strict";
import fc from "fast-check";
import { paddingOf, planBatchShapes } from "../../src/datasets/batch_shapes.ts";
import { paddedLength } from "../../src/datasets/batch.ts";
import { createRandom } from "../../src/utils/random.ts";

const batchSize = 4;

/** Lengths of micro-batches, of rows that are mostly short. */
function skewedBatches(count: number): number[][] {
  const random = createRandom(1);
  const length = () => Math.min(512, 8 + Math.floor(40 / (1.02 - random.next())));
  return Array.from({ length: count }, () => Array.from({ length: batchSize }, length));
}

Deno.test("planBatchShapes() has room for every row, in few shapes", () => {
  const batches = fc.array(
    fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: batchSize }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(fc.property(batches, batches, fc.boolean(), (first, others, joins) => {
    const longest = Math.max(...first.flat(), ...others.flat());
    const { shapes, shapeOf } = planBatchShapes(first, { batchSize, longest, joins });
    assert.ok(shapes.length <= 5);
    for (const lengths of [...first, ...others]) {
      const { batch, seqLen, joined } = shapeOf(lengths);
      assert.equal(batch, joined ? 1 : batchSize);
      assert.ok(!joined || joins);
      const needed = joined
        ? lengths.reduce((sum, length) => sum + length, 0)
        : Math.max(...lengths);
      assert.ok(seqLen >= needed && seqLen % 16 === 0);
      assert.ok(batch * seqLen <= batchSize * shapes[0]!.seqLen);
    }
  }));
});

Deno.test("planBatchShapes() leaves little padding where rows are joined, and in few shapes not much more than many leave", () => {
  const batches = skewedBatches(500);
  const tokens = batches.flat().reduce((sum, length) => sum + length, 0);
  const computed = batches.reduce(
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
  const { shapes } = planBatchShapes([[20, 30, 3, 9], [7, 60, 8, 8]], { batchSize, joins: true });
  assert.deepEqual(shapes, [{ batch: batchSize, seqLen: 64, joined: false }]);
});
