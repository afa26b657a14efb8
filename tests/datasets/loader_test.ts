import assert from "node:assert/strict";
import fc from "fast-check";
import { createMicroBatch, type MicroBatch, paddedLength } from "../../src/datasets/batch.ts";
import {
  createDataset,
  type Dataset,
  type MemoryDatasetOptions,
} from "../../src/datasets/dataset.ts";
import { sourceBorders } from "../../src/datasets/order.ts";
import { packExamples } from "../../src/datasets/packing.ts";
import { createLoader, START_CURSOR, type StepBatches } from "../../src/datasets/loader.ts";

const PAD = 0;

/** A data set whose example `i` is as long as `lengths` says and has the ids 1000·(i + 1) + position. */
function datasetOf(lengths: readonly number[], options: MemoryDatasetOptions = {}): Dataset {
  const examples = lengths.map((length, row) => {
    const inputIds = Int32Array.from({ length }, (_, i) => 1000 * (row + 1) + i);
    // every third token is not trained
    return { inputIds, labels: inputIds.map((id) => id % 3 === 0 ? -100 : id) };
  });
  return createDataset(examples, options);
}

function rowsOf({ ids, batch, seqLen }: MicroBatch): number[][] {
  return Array.from(
    { length: batch },
    (_, row) => [...ids.subarray(row * seqLen, (row + 1) * seqLen)],
  );
}

/** The examples in a step by the number of their data set row; rows of padding have none. */
function examplesOf({ microBatches }: StepBatches): number[] {
  return microBatches.flatMap(rowsOf).map(([first]) => first!)
    .filter((id) => id !== PAD).map((id) => Math.floor(id / 1000) - 1);
}

const settings = fc.record({
  lengths: fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 23 }),
  batchSize: fc.integer({ min: 1, max: 5 }),
  gradientAccumulationSteps: fc.integer({ min: 1, max: 4 }),
  shuffle: fc.boolean(),
  seed: fc.nat(),
});

Deno.test("createLoader() gives every example once per epoch, in steps of equal size but the last", () => {
  fc.assert(fc.property(settings, fc.nat(3), ({ lengths, ...options }, epoch) => {
    const loader = createLoader(datasetOf(lengths), options);
    const steps = [...loader.epoch({ epoch, index: 0 })];
    assert.equal(steps.length, loader.stepsPerEpoch);
    const order = steps.flatMap(examplesOf);
    assert.deepEqual(order.toSorted((a, b) => a - b), lengths.map((_, i) => i));
    if (!options.shuffle) assert.deepEqual(order, lengths.map((_, i) => i));
    const stepSize = options.batchSize * options.gradientAccumulationSteps;
    for (const step of steps.slice(0, -1)) assert.equal(examplesOf(step).length, stepSize);
    for (const { microBatches } of steps) {
      for (const { batch } of microBatches) assert.equal(batch, options.batchSize);
    }
  }));
});

Deno.test("createLoader() continues from any cursor with the very steps that would have followed", () => {
  fc.assert(fc.property(settings, fc.nat(30), ({ lengths, ...options }, done) => {
    const dataset = datasetOf(lengths);
    const whole = createLoader(dataset, options).steps(START_CURSOR).take(done + 8).toArray();
    const cursor = done === 0 ? START_CURSOR : whole[done - 1]!.next;
    const rest = createLoader(dataset, options).steps(cursor).take(8).toArray();
    assert.deepEqual(rest, whole.slice(done));
  }));
});

Deno.test("createLoader() continues likewise where rows are joined, and gives every token once", () => {
  const lengths = Array.from({ length: 203 }, (_, i) => i % 9 === 0 ? 190 : 5 + i % 20);
  const dataset = datasetOf(lengths);
  const options = { batchSize: 4, gradientAccumulationSteps: 3, seed: 5 };
  const whole = [...createLoader(dataset, options).epoch(START_CURSOR)];
  const batches = whole.flatMap(({ microBatches }) => microBatches);
  assert.ok(batches.some(({ batch, seqLen }) => batch === 1 && seqLen > 192));
  assert.deepEqual(
    batches.flatMap(({ ids }) => [...ids]).filter((id) => id !== PAD).sort((a, b) => a - b),
    lengths.flatMap((_, i) => [...dataset.read(i).inputIds]),
  );
  const rest = [...createLoader(dataset, options).epoch(whole[6]!.next)];
  assert.deepEqual(rest, whole.slice(7));
});

Deno.test("createLoader() continues likewise with packed rows, orders by length and weighted sources", () => {
  const kinds = fc.record({
    packing: fc.boolean(),
    groupByLength: fc.boolean(),
    weights: fc.tuple(...[0, 1].map(() => fc.constantFrom(0.4, 1, 1.7))),
    cut: fc.integer({ min: 1, max: 99 }),
  });
  fc.assert(fc.property(settings, kinds, fc.nat(30), ({ lengths, ...options }, kind, done) => {
    const { packing, groupByLength, weights: [first, second], cut } = kind;
    const examples = Math.floor(cut / 100 * lengths.length);
    const sources = [
      { path: "a", weight: first!, examples },
      { path: "b", weight: second!, examples: lengths.length - examples },
    ];
    const borders = sourceBorders({ sources });
    const dataset = datasetOf(lengths, {
      sources,
      packing: packing
        ? packExamples(Int32Array.from(lengths), { maxLength: 40, window: 9, borders })
        : undefined,
    });
    const all = { ...options, groupByLength };
    const whole = createLoader(dataset, all).steps(START_CURSOR).take(done + 6).toArray();
    const cursor = done === 0 ? START_CURSOR : whole[done - 1]!.next;
    assert.deepEqual(createLoader(dataset, all).steps(cursor).take(6).toArray(), whole.slice(done));
    if (first === 1 && second === 1) {
      // of an epoch, every example is there once, and no token of it is missing
      const steps = [...createLoader(dataset, all).epoch(START_CURSOR)];
      const ids = steps.flatMap(({ microBatches }) => microBatches.flatMap(({ ids }) => [...ids]));
      assert.deepEqual(
        ids.filter((id) => id !== PAD).sort((a, b) => a - b),
        lengths.flatMap((_, i) => [...dataset.read(i).inputIds]),
      );
    }
  }));
});

Deno.test("createMicroBatch() numbers the examples of packed rows, and trains nothing across them", () => {
  const example = (...ids: number[]) => ({
    inputIds: Int32Array.from(ids),
    labels: Int32Array.from(ids),
  });
  const rows = [[example(1, 2, 3), example(4, 5)], [example(6, 7)]];
  const batch = createMicroBatch(rows, { batchSize: 3, padTokenId: 9, packed: true });
  const start = (values: Int32Array) =>
    rowsOf({ ...batch, ids: values }).map((row) => row.slice(0, 6));
  assert.deepEqual(start(batch.ids), [
    [1, 2, 3, 4, 5, 9],
    [6, 7, 9, 9, 9, 9],
    [9, 9, 9, 9, 9, 9],
  ]);
  assert.deepEqual(start(batch.segments!), [
    [0, 0, 0, 1, 1, -1],
    [0, 0, -1, -1, -1, -1],
    [-1, -1, -1, -1, -1, -1],
  ]);
  assert.deepEqual(start(batch.labels), [
    [2, 3, -100, 5, -100, -100],
    [7, -100, -100, -100, -100, -100],
    [-100, -100, -100, -100, -100, -100],
  ]);
  assert.equal(batch.trainedTokens, 4);
  assert.equal(batch.tokens, 7);
});

Deno.test("createLoader() orders each epoch and seed anew, and equal ones alike", () => {
  const dataset = datasetOf(Array.from({ length: 20 }, () => 3));
  const order = (seed: number, epoch: number) =>
    [...createLoader(dataset, { batchSize: 4, seed }).epoch({ epoch, index: 0 })].flatMap(
      examplesOf,
    );
  const orders = [order(1, 0), order(1, 1), order(2, 0), order(2, 1)];
  assert.equal(new Set(orders.map(String)).size, 4);
  assert.deepEqual(order(1, 1), orders[1]);
});

Deno.test("createLoader() counts tokens as brute force does", () => {
  fc.assert(fc.property(settings, ({ lengths, ...options }) => {
    for (const step of createLoader(datasetOf(lengths), options).epoch(START_CURSOR)) {
      const ids = step.microBatches.flatMap((batch) => [...batch.ids]);
      const labels = step.microBatches.flatMap((batch) => [...batch.labels]);
      assert.equal(step.tokens, ids.filter((id) => id !== PAD).length);
      assert.equal(step.trainedTokens, labels.filter((label) => label !== -100).length);
    }
  }));
});

Deno.test("createLoader() refuses impossible sizes and cursors", () => {
  const dataset = datasetOf([3, 3]);
  assert.throws(() => createLoader(dataset, { batchSize: 0 }), /"batchSize" must be a positive/);
  const loader = createLoader(dataset, { batchSize: 1 });
  assert.throws(() => [...loader.epoch({ epoch: 0, index: 3 })], /from row 3: the data set has 2/);
  assert.deepEqual([...loader.epoch({ epoch: 0, index: 2 })], []);
});

Deno.test("createMicroBatch() joins rows to one, in which nothing is trained across them", () => {
  const example = (...ids: number[]) => ({
    inputIds: Int32Array.from(ids),
    labels: Int32Array.from(ids),
  });
  const batch = createMicroBatch([[example(1, 2, 3)], [example(4, 5)]], {
    ...{ batchSize: 4, padTokenId: 9 },
    shape: { batch: 1, seqLen: 7, joined: true, reach: 7 },
  });
  assert.deepEqual(batch, {
    ids: Int32Array.of(1, 2, 3, 4, 5, 9, 9),
    labels: Int32Array.of(2, 3, -100, 5, -100, -100, -100),
    segments: Int32Array.of(0, 0, 0, 1, 1, -1, -1),
    ...{ batch: 1, seqLen: 7, reach: 7, trainedTokens: 3, tokens: 5 },
  });
});

Deno.test("createMicroBatch() refuses an example that is longer than attention would reach", () => {
  const example = { inputIds: new Int32Array(5), labels: new Int32Array(5) };
  const shape = { batch: 1, seqLen: 8, joined: true, reach: 4 };
  assert.throws(
    () => createMicroBatch([[example]], { batchSize: 1, padTokenId: 0, shape }),
    { message: "An example of 5 tokens is in rows for such of 4" },
  );
});

Deno.test("createMicroBatch() puts each label where it is predicted and pads on the right", () => {
  const batch = createMicroBatch(
    [
      [{ inputIds: Int32Array.of(1, 2, 3), labels: Int32Array.of(-100, 2, 3) }],
      [{ inputIds: Int32Array.of(4, 5), labels: Int32Array.of(4, 6) }],
    ],
    { batchSize: 3, padTokenId: 9 },
  );
  assert.equal(batch.seqLen, 16);
  assert.deepEqual(rowsOf(batch).map((row) => row.slice(0, 4)), [
    [1, 2, 3, 9],
    [4, 5, 9, 9],
    [9, 9, 9, 9],
  ]);
  const labels = rowsOf({ ...batch, ids: batch.labels });
  assert.deepEqual(labels.map((row) => row.slice(0, 4)), [
    [2, 3, -100, -100],
    [6, -100, -100, -100],
    [-100, -100, -100, -100],
  ]);
  assert.ok(labels.every((row) => row.slice(4).every((label) => label === -100)));
  assert.equal(batch.trainedTokens, 3);
  assert.equal(batch.tokens, 5);
});

Deno.test("paddedLength() climbs the ladder", () => {
  const ladder = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072];
  for (let length = 1; length <= 3072; length++) {
    assert.equal(paddedLength(length), ladder.find((rung) => rung >= length), String(length));
  }
});
