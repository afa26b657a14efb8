import assert from "node:assert/strict";
import { type Dataset, exampleAt, exampleCount } from "../../src/datasets/dataset.ts";
import { splitDataset } from "../../src/datasets/split.ts";

/** Examples of one to three tokens; all tokens of example i are i. */
function datasetOf(count: number): Dataset {
  const lengths = Array.from({ length: count }, (_, i) => 1 + i % 3);
  const ids = Int32Array.from(lengths.flatMap((length, i) => new Array<number>(length).fill(i)));
  const offsets = Int32Array.from([0, ...lengths.map((_, i) => sum(lengths.slice(0, i + 1)))]);
  return {
    path: "data.jsonl",
    sha256: "00",
    statistics: {
      rows: count,
      conversations: 0,
      examples: count,
      tokens: ids.length,
      trainedTokens: ids.length - count,
      longestExample: 3,
      truncatedRows: 0,
      droppedRows: 0,
    },
    inputIds: ids,
    labels: ids,
    offsets,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);

const idsOf = (dataset: Dataset): number[] =>
  Array.from({ length: exampleCount(dataset) }, (_, i) => exampleAt(dataset, i).inputIds[0]!);

Deno.test("splitDataset() gives each example to one part, in order, and the same for the same seed", () => {
  const dataset = datasetOf(50);
  const { rest, heldOut } = splitDataset(dataset, { fraction: 0.1, seed: 3 });
  assert.equal(exampleCount(heldOut), 5);
  assert.deepEqual([...idsOf(rest), ...idsOf(heldOut)].sort((a, b) => a - b), [
    ...Array(50).keys(),
  ]);
  for (const part of [rest, heldOut]) {
    assert.deepEqual(idsOf(part), idsOf(part).toSorted((a, b) => a - b));
    assert.equal(part.statistics.examples, exampleCount(part));
    assert.equal(part.statistics.tokens, part.inputIds.length);
    assert.equal(part.sha256, dataset.sha256);
  }
  assert.equal(rest.statistics.trainedTokens + heldOut.statistics.trainedTokens, 49);
  assert.deepEqual(splitDataset(dataset, { fraction: 0.1, seed: 3 }).heldOut, heldOut);
  assert.notDeepEqual(
    idsOf(splitDataset(dataset, { fraction: 0.1, seed: 4 }).heldOut),
    idsOf(heldOut),
  );
});

Deno.test("splitDataset() leaves both parts an example, or refuses", () => {
  const sizes = (fraction: number) =>
    exampleCount(splitDataset(datasetOf(4), { fraction, seed: 0 }).heldOut);
  assert.equal(sizes(0.01), 1);
  assert.equal(sizes(1), 3);
  assert.throws(
    () => splitDataset(datasetOf(1), { fraction: 0.5, seed: 0 }),
    /Cannot hold out a part of "data.jsonl": .*--eval-dataset/,
  );
});
