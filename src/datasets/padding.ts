/**
 * The shapes of the micro-batches of a data set, and how much of what they compute is padding.
 *
 * @module
 */

import {
  type BatchRows,
  type BatchShapes,
  inBatches,
  paddingOf,
  type PaddingReport,
  planBatchShapes,
} from "./batch_shapes.ts";
import { type Dataset, longestExamples, longestPacked, sequenceLengths } from "./dataset.ts";
import { createOrder, type OrderOptions } from "./order.ts";

/** What decides the shapes of micro-batches. */
export interface ShapeOptions extends OrderOptions {
  /** Strength of noise on embeddings, which depends on the length of rows: with it, none are joined. @default {null} */
  readonly neftuneAlpha?: number | null;
}

/** Returns the shapes that suit the first epoch, and do for every other. */
export function plannedShapes(
  dataset: Dataset,
  options: ShapeOptions & {
    /** Rows are taken as if they were cut to so many tokens. @default {as they are} */
    readonly cutTo?: number;
  },
): BatchShapes {
  const { neftuneAlpha = null, cutTo = Infinity } = options;
  const longest = sequenceLengths(dataset).reduce((most, length) => Math.max(most, length), 1);
  const longestExample = longestPacked(dataset);
  return planBatchShapes(firstEpoch(dataset, { ...options, cutTo }), {
    batchSize: options.batchSize,
    longest: Math.min(longest, cutTo),
    longestExample: longestExample && Math.min(longestExample, cutTo),
    joins: neftuneAlpha === null,
  });
}

/** Counts the padding of the first epoch. */
export function measurePadding(dataset: Dataset, options: ShapeOptions): PaddingReport {
  return paddingOf(
    firstEpoch(dataset, { ...options, cutTo: Infinity }),
    plannedShapes(dataset, options),
  );
}

/** Yields the micro-batches of the first epoch. */
function firstEpoch(
  dataset: Dataset,
  { cutTo, ...options }: OrderOptions & { readonly cutTo: number },
): Generator<BatchRows> {
  const order = createOrder(dataset, options).epoch(0);
  const inOrder = (each: Int32Array) => order.map((row) => each[row]!);
  return inBatches(inOrder(sequenceLengths(dataset)), {
    batchSize: options.batchSize,
    cutTo,
    longestExamples: inOrder(longestExamples(dataset)),
  });
}
