/**
 * The shapes of the micro-batches of a data set, and how much of what they compute is padding.
 *
 * @module
 */

import {
  type BatchShapes,
  inBatches,
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
export function plannedShapes(
  dataset: Dataset,
  options: ShapeOptions & {
    /** Rows are taken as if they were cut to so many tokens. @default {as they are} */
    readonly cutTo?: number;
  },
): BatchShapes {
  const { batchSize, neftuneAlpha = null, cutTo = Infinity } = options;
  const longest = sequenceLengths(dataset).reduce((most, length) => Math.max(most, length), 1);
  return planBatchShapes(inBatches(epochLengths(dataset, options), { batchSize, cutTo }), {
    batchSize,
    longest: Math.min(longest, cutTo),
    joins: neftuneAlpha === null,
  });
}

/** Counts the padding of the first epoch. */
export function measurePadding(dataset: Dataset, options: ShapeOptions): PaddingReport {
  const batches = { batchSize: options.batchSize, cutTo: Infinity };
  return paddingOf(
    inBatches(epochLengths(dataset, options), batches),
    plannedShapes(dataset, options),
  );
}

/** Returns the lengths of the rows of the first epoch, in its order. */
function epochLengths(dataset: Dataset, options: OrderOptions): Int32Array {
  const lengths = sequenceLengths(dataset);
  return createOrder(dataset, options).epoch(0).map((row) => lengths[row]!);
}
