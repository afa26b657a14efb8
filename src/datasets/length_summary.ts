/**
 * Many lengths in a few numbers.
 *
 * @module
 */

import { inBatches, paddingOf, planBatchShapes } from "./batch_shapes.ts";

/** Lengths, summed up. */
export interface LengthSummary {
  /** How many there are. */
  readonly count: number;
  /** Their sum. */
  readonly total: number;
  /** The smallest. */
  readonly min: number;
  /** The one in the middle; of two, the smaller. */
  readonly median: number;
  /** The average. */
  readonly mean: number;
  /** What 95 of 100 do not pass. */
  readonly p95: number;
  /** The largest. */
  readonly max: number;
}

/** One bar of a histogram. */
export interface HistogramBin {
  /** Smallest length that it counts. */
  readonly from: number;
  /** Largest length that it counts. */
  readonly to: number;
  /** How many there are. */
  readonly count: number;
}

/** Returns the summary of `lengths`, or `undefined` where there are none. */
export function summarizeLengths(lengths: Int32Array): LengthSummary | undefined {
  if (lengths.length === 0) return undefined;
  const sorted = lengths.toSorted();
  const total = sorted.reduce((sum, length) => sum + length, 0);
  const quantile = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]!;
  return {
    count: sorted.length,
    total,
    min: sorted[0]!,
    median: quantile(0.5),
    mean: total / sorted.length,
    p95: quantile(0.95),
    max: sorted.at(-1)!,
  };
}

/** Options of {@linkcode lengthHistogram}. */
export interface HistogramOptions {
  /** Most bars. @default {12} */
  readonly maxBins?: number;
}

/**
 * Counts `lengths` in bars that are equally wide; where a few lengths are far above the rest, in bars of which each is
 * about twice as wide as the one before.
 */
export function lengthHistogram(
  lengths: Int32Array,
  { maxBins = 12 }: HistogramOptions = {},
): HistogramBin[] {
  const summary = summarizeLengths(lengths);
  if (summary === undefined) return [];
  const { min, max, p95 } = summary;
  const isLongTailed = max > 4 * Math.max(p95, maxBins);
  const starts = isLongTailed ? doublingStarts(min, max) : evenStarts({ min, max, maxBins });
  const counts = new Array<number>(starts.length).fill(0);
  for (const length of lengths) counts[starts.findLastIndex((start) => start <= length)]!++;
  return starts.map((from, i) => ({ from, to: (starts[i + 1] ?? max + 1) - 1, count: counts[i]! }));
}

function evenStarts(
  { min, max, maxBins }: { readonly min: number; readonly max: number; readonly maxBins: number },
): number[] {
  const width = roundWidth((max - min + 1) / maxBins);
  const starts: number[] = [];
  for (let start = Math.floor(min / width) * width; start <= max; start += width) {
    starts.push(start);
  }
  return starts;
}

/** The next of 1, 2, 5, 10, 20, 50, … */
function roundWidth(width: number): number {
  for (let power = 1;; power *= 10) {
    for (const step of [1, 2, 5]) if (step * power >= width) return step * power;
  }
}

function doublingStarts(min: number, max: number): number[] {
  const starts: number[] = [];
  let start = min === 0 ? 0 : 2 ** Math.floor(Math.log2(min));
  for (; start <= max; start = start === 0 ? 1 : 2 * start) starts.push(start);
  return starts;
}

/** How rows of some lengths fill sequences of a fixed length. */
export interface PackingEstimate {
  /** Tokens of a sequence. */
  readonly maxLength: number;
  /** Sequences that are needed, each row put where it leaves the least room (best fit, longest first). */
  readonly sequences: number;
  /** The part of them that holds tokens, from 0 to 1. */
  readonly filled: number;
}

/** Estimates what packing makes of rows; longer ones count as cut off at `maxLength`. */
export function estimatePacking(
  lengths: Int32Array,
  maxLength: number,
): PackingEstimate | undefined {
  if (lengths.length === 0) return undefined;
  const counts = new Map<number, number>();
  let tokens = 0;
  for (const length of lengths) {
    const kept = Math.min(length, maxLength);
    counts.set(kept, (counts.get(kept) ?? 0) + 1);
    tokens += kept;
  }
  const open = new Int32Array(maxLength + 1); // open[room]: sequences with that much room
  let sequences = 0;
  for (const [length, count] of [...counts].sort(([a], [b]) => b - a)) {
    if (length === 0) continue;
    let left = count;
    for (let room = length; room <= maxLength && left > 0;) {
      if (open[room] === 0) {
        room++;
        continue;
      }
      const moved = Math.min(left, open[room]!);
      open[room]! -= moved;
      open[room - length]! += moved;
      left -= moved;
      room = length; // what was just filled may take another
    }
    const perSequence = Math.floor(maxLength / length);
    const fresh = Math.ceil(left / perSequence);
    sequences += fresh;
    if (left > 0) {
      const last = left - (fresh - 1) * perSequence;
      open[maxLength - perSequence * length]! += fresh - 1;
      open[maxLength - last * length]!++;
    }
  }
  return { maxLength, sequences, filled: sequences === 0 ? 0 : tokens / (sequences * maxLength) };
}

/** Options of {@linkcode estimatePadding}. */
export interface PaddingOptions {
  /** Rows of a batch. */
  readonly batchSize: number;
  /** Most tokens of a row. */
  readonly maxLength: number;
}

/** Returns the part of all positions, from 0 to 1, that is padding when rows are batched in the order given. */
export function estimatePadding(
  lengths: ArrayLike<number>,
  { batchSize, maxLength }: PaddingOptions,
): number {
  const batches = [...inBatches(lengths, { batchSize, cutTo: maxLength })];
  return paddingOf(batches, planBatchShapes(batches, { batchSize, joins: true })).share;
}
