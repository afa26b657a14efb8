/**
 * The steps of training on a data set: which rows, in which order, in batches of which length. All of it
 * follows from a seed and a cursor, so that a run continues where it was stopped without reading anything again.
 *
 * @module
 */

import type { DataCursor } from "../models/checkpoint/trainer_state.ts";
import { createMicroBatch, type MicroBatch } from "./batch.ts";
import type { BatchShapes } from "./batch_shapes.ts";
import { type Dataset, sequenceAt, sequenceLengths } from "./dataset.ts";
import { createOrder } from "./order.ts";
import { plannedShapes, type ShapeOptions } from "./padding.ts";

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
export interface LoaderOptions extends ShapeOptions {
  /** Micro-batches of a step. @default {1} */
  readonly gradientAccumulationSteps?: number;
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
  const { batchSize, gradientAccumulationSteps = 1, padTokenId = 0 } = options;
  for (const [name, value] of Object.entries({ batchSize, gradientAccumulationSteps })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot load data as "${name}" must be a positive integer: current value is ${value}`,
      );
    }
  }
  const order = createOrder(dataset, options);
  const { count } = order;
  const stepSize = batchSize * gradientAccumulationSteps;
  const packed = dataset.packing !== undefined;
  const lengths = sequenceLengths(dataset);
  let planned: BatchShapes | undefined;

  function* epoch({ epoch, index }: DataCursor): Generator<StepBatches, void> {
    if (!(index >= 0 && index <= count)) {
      throw new RangeError(`Cannot load data from row ${index}: the data set has ${count} rows`);
    }
    const { shapeOf } = planned ??= plannedShapes(dataset, options);
    const rows = order.epoch(epoch);
    for (let start = index; start < count; start += stepSize) {
      const end = Math.min(start + stepSize, count);
      const microBatches: MicroBatch[] = [];
      for (let at = start; at < end; at += batchSize) {
        const taken = [...rows.subarray(at, Math.min(at + batchSize, end))];
        const examples = taken.map((row) => sequenceAt(dataset, row));
        const shape = shapeOf({
          lengths: taken.map((row) => lengths[row]!),
          longestExample: Math.max(...examples.flat().map(({ inputIds }) => inputIds.length)),
        });
        microBatches.push(createMicroBatch(examples, { batchSize, padTokenId, packed, shape }));
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
