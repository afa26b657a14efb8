/**
 * Holding out a part of a data set, to evaluate on what is not trained on.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { createRandom, deriveSeed, shuffled } from "../utils/random.ts";
import { type Dataset, exampleCount } from "./dataset.ts";
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
 * Splits a data set at random; either part keeps the order of the file, and reads from the whole, which must stay open.
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
  const isHeldOut = new Uint8Array(count);
  for (const index of order.slice(0, size)) isHeldOut[index] = 1;
  const numbers = Int32Array.from(isHeldOut, (_, index) => index);
  const held = numbers.filter((index) => isHeldOut[index] === 1);
  const trainedTokens = held.reduce(
    (sum, index) => sum + countTrainedTokens(dataset.read(index).labels),
    0,
  );
  return {
    rest: select(dataset, {
      chosen: numbers.filter((index) => isHeldOut[index] === 0),
      trainedTokens: dataset.statistics.trainedTokens - trainedTokens,
    }),
    heldOut: select(dataset, { chosen: held, trainedTokens }),
  };
}

/** Returns the chosen examples, in ascending order, as a data set. */
function select(
  dataset: Dataset,
  { chosen, trainedTokens }: { readonly chosen: Int32Array; readonly trainedTokens: number },
): Dataset {
  const lengths = chosen.map((index) => dataset.lengths[index]!);
  let end = 0;
  const sources = dataset.sources.map((source) => {
    const start = end;
    end += source.examples;
    const isOfIt = (index: number) => index >= start && index < end;
    return { ...source, examples: chosen.reduce((sum, i) => isOfIt(i) ? sum + 1 : sum, 0) };
  });
  return {
    ...dataset,
    statistics: {
      ...dataset.statistics,
      examples: chosen.length,
      tokens: lengths.reduce((sum, length) => sum + length, 0),
      trainedTokens,
      longestExample: lengths.reduce((a, b) => Math.max(a, b), 0),
    },
    lengths,
    sources,
    read: (index) => dataset.read(chosen[index]!),
    [Symbol.dispose]() {},
  };
}
