/**
 * How much of what a run computes is padding.
 *
 * @module
 */

import { paddedLength } from "./batch.ts";
import { type Dataset, sequenceLengths } from "./dataset.ts";
import { createOrder, type OrderOptions } from "./order.ts";

/** What an epoch computes. */
export interface PaddingReport {
  /** Tokens of its rows. */
  readonly tokens: number;
  /** Tokens that are computed: with the padding of rows, and rows that fill up the last micro-batch. */
  readonly computed: number;
  /** The part of these that is padding, from 0 to 1. */
  readonly share: number;
  /** How many micro-batches there are of each length. */
  readonly shapes: ReadonlyMap<number, number>;
}

/** Counts the padding of the first epoch. */
export function measurePadding(dataset: Dataset, options: OrderOptions): PaddingReport {
  const { batchSize } = options;
  const lengths = sequenceLengths(dataset);
  const rows = createOrder(dataset, options).epoch(0);
  const shapes = new Map<number, number>();
  let tokens = 0;
  let computed = 0;
  for (let start = 0; start < rows.length; start += batchSize) {
    let longest = 0;
    for (const row of rows.subarray(start, start + batchSize)) {
      tokens += lengths[row]!;
      longest = Math.max(longest, lengths[row]!);
    }
    const seqLen = paddedLength(longest);
    shapes.set(seqLen, (shapes.get(seqLen) ?? 0) + 1);
    computed += batchSize * seqLen;
  }
  return { tokens, computed, share: computed === 0 ? 0 : 1 - tokens / computed, shapes };
}
