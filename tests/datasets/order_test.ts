import assert from "node:assert/strict";
import fc from "fast-check";
import { createDataset, type Dataset } from "../../src/datasets/dataset.ts";
import { createOrder, sourceBorders } from "../../src/datasets/order.ts";
import { packExamples } from "../../src/datasets/packing.ts";
import { createLoader, START_CURSOR } from "../../src/datasets/loader.ts";
import { measurePadding } from "../../src/datasets/padding.ts";
import { createRandom } from "../../src/utils/random.ts";

function datasetOf(
  lengths: readonly number[],
  options: Pick<Partial<Dataset>, "sources" | "packing"> = {},
): Dataset {
  const examples = lengths.map((length) => {
    const ids = new Int32Array(length);
    return { inputIds: ids, labels: ids };
  });
  return createDataset(examples, options);
}

/** A data set of sources of so many examples and weights. */
function weighted(
  sources: readonly (readonly [examples: number, weight: number])[],
  length = 4,
): Dataset {
  const count = sources.reduce((sum, [examples]) => sum + examples, 0);
  return datasetOf(new Array<number>(count).fill(length), {
    sources: sources.map(([examples, weight], i) => ({ path: `${i}.jsonl`, weight, examples })),
  });
}

const skewed = Array.from({ length: 500 }, (_, i) => 20 + Math.floor(400 * ((i * 0.618) % 1) ** 3));

Deno.test("createOrder() gives each row once an epoch, grouped by length or not", () => {
  const settings = fc.record({
    count: fc.integer({ min: 1, max: 400 }),
    batchSize: fc.integer({ min: 1, max: 9 }),
    shuffle: fc.boolean(),
    groupByLength: fc.boolean(),
    seed: fc.nat(),
  });
  fc.assert(fc.property(settings, fc.nat(5), ({ count, ...options }, epoch) => {
    const order = createOrder(datasetOf(skewed.slice(0, count)), options);
    assert.equal(order.count, count);
    const rows = order.epoch(epoch);
    assert.deepEqual([...rows].sort((a, b) => a - b), [...Array(count).keys()]);
    assert.deepEqual(order.epoch(epoch), rows);
  }));
});

Deno.test("createOrder() by length saves most of the padding, and keeps orders random", () => {
  const dataset = datasetOf(skewed);
  const plain = measurePadding(dataset, { batchSize: 8, neftuneAlpha: 5 });
  const grouped = measurePadding(dataset, { batchSize: 8, groupByLength: true, neftuneAlpha: 5 });
  assert.equal(plain.tokens, grouped.tokens);
  assert.ok(plain.share > 0.5, `${plain.share}`);
  assert.ok(grouped.share < plain.share / 2, `${grouped.share} of ${plain.share}`);
  const order = createOrder(dataset, { batchSize: 8, groupByLength: true });
  const [first, second] = [order.epoch(0), order.epoch(1)];
  assert.notDeepEqual(first, second);
  const longest = (rows: Int32Array) =>
    Array.from({ length: 62 }, (_, batch) => skewed[rows[8 * batch]!]!);
  const ascending = (values: number[]) =>
    values.filter((value, i) => i > 0 && value >= values[i - 1]!).length;
  // neither up nor down: sorted batches would make the lengths of a mega-batch fall
  for (const rows of [first, second]) assert.ok(Math.abs(ascending(longest(rows)) - 31) < 15);
});

Deno.test("createOrder() gives of each source what its weight says, and all of it over epochs", () => {
  const dataset = weighted([[10, 0.3], [6, 2], [4, 1]]);
  for (const shuffle of [true, false]) {
    const order = createOrder(dataset, { batchSize: 2, shuffle, seed: 9 });
    assert.equal(order.count, 3 + 12 + 4);
    const counts = new Int32Array(20);
    for (let epoch = 0; epoch < 10; epoch++) {
      const rows = [...order.epoch(epoch)];
      const times = (row: number) => rows.filter((each) => each === row).length;
      assert.equal(rows.filter((row) => row < 10).length, 3);
      for (let row = 10; row < 16; row++) assert.equal(times(row), 2);
      for (let row = 16; row < 20; row++) assert.equal(times(row), 1);
      for (let row = 0; row < 10; row++) assert.ok(times(row) <= 1 || epoch % 10 > 2);
      for (const row of rows) counts[row]!++;
    }
    // ten epochs of three make three passes over ten
    assert.deepEqual([...counts.subarray(0, 10)], new Array(10).fill(3));
  }
  const epoch = (seed: number) => createOrder(dataset, { batchSize: 2, seed }).epoch(0);
  assert.deepEqual(epoch(1), epoch(1));
  assert.notDeepEqual(epoch(1), epoch(2));
});

Deno.test("createOrder() draws whole rows of sources where examples are packed", () => {
  const random = createRandom(2);
  const lengths = Array.from({ length: 300 }, () => 1 + random.integer(20));
  const sources = [{ path: "a", weight: 0.5, examples: 120 }, {
    path: "b",
    weight: 1,
    examples: 180,
  }];
  const borders = sourceBorders({ sources });
  assert.deepEqual(borders, [120]);
  const packing = packExamples(Int32Array.from(lengths), { maxLength: 20, window: 50, borders });
  const dataset = datasetOf(lengths, { sources, packing });
  const rows = [...createOrder(dataset, { batchSize: 4 }).epoch(0)];
  const isOfFirst = (row: number) => packing.members[packing.offsets[row]!]! < 120;
  const all = [...packing.lengths.keys()];
  assert.equal(
    rows.filter(isOfFirst).length,
    Math.round(all.filter(isOfFirst).length / 2),
  );
  assert.deepEqual(
    rows.filter((row) => !isOfFirst(row)).sort((a, b) => a - b),
    all.filter((row) => !isOfFirst(row)),
  );
});

Deno.test("measurePadding() counts what micro-batches hold", () => {
  for (const neftuneAlpha of [null, 5]) {
    const options = { batchSize: 8, seed: 3, neftuneAlpha };
    const dataset = datasetOf(skewed);
    const batches = [...createLoader(dataset, options).epoch(START_CURSOR)]
      .flatMap(({ microBatches }) => microBatches);
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    const computed = batches.reduce((sum, { ids }) => sum + ids.length, 0);
    const share = 1 - tokens / computed;
    const { shapes, ...counted } = measurePadding(dataset, options);
    assert.deepEqual(counted, { tokens, computed, share });
    const lying = new Set(batches.map(({ batch, seqLen }) => `${batch} ${seqLen}`));
    assert.ok(shapes.some(({ joined }) => joined) === (neftuneAlpha === null));
    for (const { batch, seqLen } of shapes.slice(1)) assert.ok(lying.has(`${batch} ${seqLen}`));
  }
});
