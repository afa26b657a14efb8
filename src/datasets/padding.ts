/**
 * The shapes of the micro-batches of a data set, and how much of what they compute is padding.
 *
 * @module
 */

import {
  type BatchShapes,
  paddingOf,
  type PaddingReport,
  planBatchShapes,
} from "./batch_shapes.ts";
import { type Dataset, sequenceLengths } from "./dataset.ts";
import { createOrder, type OrderOptions } from "./order.ts";

/** What decides the shapes of micro-batches. */
export interface ShapeOptions extends OrderOptions {
  /** Strength of noise on embeddings, which depends on the length of rows: with it, none are joined. @default {null} */
  readonly neftuneAlpha?: number | null;
}

/** Returns the shapes that suit the first epoch, and do for every other. */
export function plannedShapes(dataset: Dataset, options: ShapeOptions): BatchShapes {
  const { batchSize, neftuneAlpha = null } = options;
  return planBatchShapes(batchLengths(dataset, options), {
    batchSize,
    longest: sequenceLengths(dataset).reduce((longest, length) => Math.max(longest, length), 1),
    joins: neftuneAlpha === null,
  });
}

/** Counts the padding of the first epoch. */
export function measurePadding(dataset: Dataset, options: ShapeOptions): PaddingReport {
  return paddingOf(batchLengths(dataset, options), plannedShapes(dataset, options));
}

/** Yields the lengths of the rows of each micro-batch of the first epoch. */
export function* batchLengths(dataset: Dataset, options: OrderOptions): Generator<number[]> {
  const { batchSize } = options;
  const lengths = sequenceLengths(dataset);
  const rows = createOrder(dataset, options).epoch(0);
  for (let start = 0; start < rows.length; start += batchSize) {
    yield Array.from(rows.subarray(start, start + batchSize), (row) => lengths[row]!);
  }
}
