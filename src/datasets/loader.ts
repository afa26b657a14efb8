/**
 * The steps of training on a data set: which rows, in which order, in batches of which length. All of it
 * follows from a seed and a cursor, so that a run continues where it was stopped without reading anything again.
 *
 * @module
 */

import type { DataCursor } from "../models/checkpoint/trainer_state.ts";
import { createRandom, deriveSeed, shuffled } from "../utils/random.ts";
import { createMicroBatch, type MicroBatch } from "./batch.ts";
import { type Dataset, exampleAt, exampleCount } from "./dataset.ts";

/** The batches of one optimizer step, all there before it begins, so that it can weight their tokens. */
export interface StepBatches {
  /** At most as many as gradients are accumulated over; fewer at the end of an epoch. */
  readonly microBatches: readonly MicroBatch[];
  /** Tokens whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens without padding. */
  readonly tokens: number;
  /** Where the step begins. */
  readonly cursor: DataCursor;
  /** Where the step after it begins. */
  readonly next: DataCursor;
}

/** Options of {@linkcode createLoader}. */
export interface LoaderOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of a step. @default {1} */
  readonly gradientAccumulationSteps?: number;
  /** Whether each epoch has an order of its own. @default {true} */
  readonly shuffle?: boolean;
  /** Decides the orders. @default {0} */
  readonly seed?: number;
  /** Id that fills rows up; it is never trained. @default {0} */
  readonly padTokenId?: number;
}

/** Makes the steps of training. */
export interface Loader {
  /** Steps of an epoch; the last may be smaller. */
  readonly stepsPerEpoch: number;
  /** Yields the rest of the cursor's epoch. */
  epoch(from: DataCursor): Generator<StepBatches, void>;
  /** Yields steps from the cursor on, epoch after epoch, without end. */
  steps(from: DataCursor): Generator<StepBatches, never>;
}

/** Where training begins. */
export const START_CURSOR: DataCursor = { epoch: 0, index: 0 };

/** Creates a loader. */
export function createLoader(dataset: Dataset, options: LoaderOptions): Loader {
  const { batchSize, gradientAccumulationSteps = 1, shuffle = true, seed = 0, padTokenId = 0 } =
    options;
  for (const [name, value] of Object.entries({ batchSize, gradientAccumulationSteps })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot load data as "${name}" must be a positive integer: current value is ${value}`,
      );
    }
  }
  const count = exampleCount(dataset);
  const stepSize = batchSize * gradientAccumulationSteps;

  function* epoch({ epoch, index }: DataCursor): Generator<StepBatches, void> {
    if (!(index >= 0 && index <= count)) {
      throw new RangeError(`Cannot load data from row ${index}: the data set has ${count} rows`);
    }
    const order = Array.from({ length: count }, (_, i) => i);
    const rows = shuffle ? shuffled(order, createRandom(deriveSeed(seed, epoch))) : order;
    for (let start = index; start < count; start += stepSize) {
      const end = Math.min(start + stepSize, count);
      const microBatches: MicroBatch[] = [];
      for (let at = start; at < end; at += batchSize) {
        const examples = rows.slice(at, Math.min(at + batchSize, end))
          .map((row) => exampleAt(dataset, row));
        microBatches.push(createMicroBatch(examples, { batchSize, padTokenId }));
      }
      yield {
        microBatches,
        trainedTokens: sum(microBatches.map(({ trainedTokens }) => trainedTokens)),
        tokens: sum(microBatches.map(({ tokens }) => tokens)),
        cursor: { epoch, index: start },
        next: end === count ? { epoch: epoch + 1, index: 0 } : { epoch, index: end },
      };
    }
  }

  function* steps(from: DataCursor): Generator<StepBatches, never> {
    yield* epoch(from);
    for (let next = from.epoch + 1;; next++) yield* epoch({ epoch: next, index: 0 });
  }

  return { stepsPerEpoch: Math.ceil(count / stepSize), epoch, steps };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
