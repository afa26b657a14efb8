/**
 * What a person sees of a run's data.
 *
 * @module
 */

import { basename } from "node:path";
import type { BatchingSummary, TrainEvent } from "../core/train.ts";
import type { DatasetStatistics } from "../datasets/dataset.ts";
import { DROP_REASON_TEXTS, type DropReason } from "../datasets/truncation.ts";
import { formatBytes, formatCount, formatDuration } from "../utils/format.ts";

/** Says how far the tokens of a file have come. */
export function tokenizingLine(
  { progress, elapsedMs }: Extract<TrainEvent, { kind: "tokenizing" }>,
): string {
  const { path, rows, bytes, totalBytes } = progress;
  const rate = bytes / Math.max(elapsedMs, 1) * 1000;
  return [
    `tokenizing ${basename(path)}`,
    `${Math.floor(100 * bytes / Math.max(totalBytes, 1))} %`,
    `${formatCount(rows)} rows`,
    `${formatBytes(rate)}/s`,
    `ETA ${formatDuration((totalBytes - bytes) / Math.max(rate, 1) * 1000)}`,
  ].join("  ");
}

/** Says how rows become micro-batches, and what of these is padding. */
export function batchingLine(
  { packing, groupByLength, sequences, padding, plainPadding }: BatchingSummary,
): string {
  const rows = packing
    ? `examples packed into ${formatCount(sequences)} rows`
    : `${formatCount(sequences)} examples, one in a row`;
  const grouped = groupByLength ? ", grouped by length" : "";
  const before = packing || groupByLength ? ` instead of ${percent(plainPadding)}` : "";
  return `batches: ${rows}${grouped}; ${percent(padding)} padding${before}`;
}

/** Says how many rows were left out, and why: ", 3 rows left out (2 longer than the limit, 1 …)". */
export function droppedText({ droppedRows, dropReasons }: DatasetStatistics): string {
  if (droppedRows === 0) return "";
  const reasons = Object.entries(dropReasons) as [DropReason, number][];
  const texts = reasons.map(([reason, rows]) =>
    `${formatCount(rows)}: ${DROP_REASON_TEXTS[reason]}`
  );
  return `, ${formatCount(droppedRows)} rows left out (${texts.join("; ")})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
