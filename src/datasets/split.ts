/**
 * Holding out a part of a data set, to evaluate on what is not trained on.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { createRandom, deriveSeed, shuffled } from "../utils/random.ts";
import { type Dataset, exampleAt, exampleCount } from "./dataset.ts";
import { createIntList } from "./int_list.ts";
import { countTrainedTokens } from "./labels.ts";

/** Options of {@linkcode splitDataset}. */
export interface SplitOptions {
  /** The part of the examples that is held out, between 0 and 1; at least one is, and one is left. */
  readonly fraction: number;
  /** Decides which. */
  readonly seed: number;
}

/** The two parts of a data set. */
export interface DatasetSplit {
  /** What is left to train on. */
  readonly rest: Dataset;
  /** What is held out. */
  readonly heldOut: Dataset;
}

/** Sets the choice of examples apart from other uses of a run's seed. */
const SPLIT_STREAM = 0x5b117;

/**
 * Splits a data set at random; either part keeps the order of the file.
 *
 * @throws {UserError} If there is but one example.
 */
export function splitDataset(dataset: Dataset, { fraction, seed }: SplitOptions): DatasetSplit {
  const count = exampleCount(dataset);
  if (count < 2) {
    throw new UserError(
      `Cannot hold out a part of "${dataset.path}": it makes one example only; give --eval-dataset instead`,
    );
  }
  const size = Math.min(count - 1, Math.max(1, Math.round(fraction * count)));
  const order = shuffled(Array(count).keys(), createRandom(deriveSeed(seed, SPLIT_STREAM)));
  const heldOut = new Set(order.slice(0, size));
  return {
    rest: select(dataset, (index) => !heldOut.has(index)),
    heldOut: select(dataset, (index) => heldOut.has(index)),
  };
}

function select(dataset: Dataset, chosen: (index: number) => boolean): Dataset {
  const inputIds = createIntList();
  const labels = createIntList();
  const offsets = createIntList();
  offsets.append([0]);
  let trainedTokens = 0;
  let longestExample = 0;
  for (let index = 0; index < exampleCount(dataset); index++) {
    if (!chosen(index)) continue;
    const example = exampleAt(dataset, index);
    inputIds.append(example.inputIds);
    labels.append(example.labels);
    offsets.append([inputIds.length]);
    trainedTokens += countTrainedTokens(example.labels);
    longestExample = Math.max(longestExample, example.inputIds.length);
  }
  return {
    ...dataset,
    statistics: {
      ...dataset.statistics,
      examples: offsets.length - 1,
      tokens: inputIds.length,
      trainedTokens,
      longestExample,
    },
    inputIds: inputIds.toArray(),
    labels: labels.toArray(),
    offsets: offsets.toArray(),
  };
}
