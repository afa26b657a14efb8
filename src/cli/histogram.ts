/**
 * Histograms drawn with characters.
 *
 * @module
 */

import type { HistogramBin } from "../datasets/length_summary.ts";

/** Options of {@linkcode drawHistogram}. */
export interface DrawHistogramOptions {
  /** What the bars count the lengths of, in the plural. */
  readonly unit: string;
  /** Characters of the longest bar. @default {40} */
  readonly width?: number;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Returns the lines of a histogram: range, bar and count of each bin. */
export function drawHistogram(
  bins: readonly HistogramBin[],
  { unit, width = 40 }: DrawHistogramOptions,
): string[] {
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const ranges = bins.map(({ from, to }) => from === to ? `${from}` : `${from}–${to}`);
  const rangeWidth = Math.max(unit.length, ...ranges.map((range) => range.length));
  return [
    `${unit.padStart(rangeWidth)}  rows`,
    ...bins.map(({ count }, i) =>
      `${ranges[i]!.padStart(rangeWidth)}  ${bar(count / most * width)} ${count}`.trimEnd()
    ),
  ];
}

/** A bar of a length in characters, to an eighth; whatever is more than nothing is seen. */
function bar(length: number): string {
  const eighths = length > 0 ? Math.max(1, Math.round(8 * length)) : 0;
  return "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}
