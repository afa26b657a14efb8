import assert from "node:assert/strict";
import {
  createDataset,
  type Dataset,
  exampleAt,
  exampleCount,
} from "../../src/datasets/dataset.ts";
import { splitDataset } from "../../src/datasets/split.ts";

/** Examples of one to three tokens; all tokens of example i are i. */
function datasetOf(count: number): Dataset {
  const examples = Array.from({ length: count }, (_, i) => {
    const ids = new Int32Array(1 + i % 3).fill(i);
    return { inputIds: ids, labels: ids };
  });
  return createDataset(examples, { path: "data.jsonl", sha256: "00" });
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
    assert.equal(part.statistics.tokens, sum([...part.lengths]));
    assert.equal(part.sha256, dataset.sha256);
  }
  assert.equal(rest.statistics.trainedTokens + heldOut.statistics.trainedTokens, 49);
  assert.deepEqual(
    idsOf(splitDataset(dataset, { fraction: 0.1, seed: 3 }).heldOut),
    idsOf(heldOut),
  );
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
