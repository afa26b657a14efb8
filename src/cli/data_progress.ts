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

/** Says how far a file has been looked over. */
export function checkingLine(
  { progress, elapsedMs }: Extract<TrainEvent, { kind: "checking" }>,
): string {
  const { path, bytes, totalBytes } = progress;
  const rate = bytes / Math.max(elapsedMs, 1) * 1000;
  return [
    `checking ${basename(path)}`,
    `${Math.floor(100 * bytes / Math.max(totalBytes, 1))} %`,
    `${formatBytes(rate)}/s`,
  ].join("  ");
}

/** Padding above this part of what is computed is worth a hint. */
const MUCH_PADDING = 0.25;

/** Says what was found in each file, the first few of many. */
export function fileLines({ files }: Extract<TrainEvent, { kind: "data" }>): string[] {
  const lines = files.slice(0, MAX_FILES)
    .map(({ path, description }) => `file: ${basename(path)}, ${description}`);
  const more = files.length - lines.length;
  return more > 0 ? [...lines, `file: … and ${formatCount(more)} more`] : lines;
}

const MAX_FILES = 5;

/** Says how rows become micro-batches, and what of these is padding. */
export function batchingLine(
  { packing, groupByLength, joins, sequences, padding, plainPadding }: BatchingSummary,
): string {
  const rows = packing
    ? `examples packed into ${formatCount(sequences)} rows`
    : `${formatCount(sequences)} examples`;
  const grouped = groupByLength ? ", grouped by length" : "";
  const before = packing || groupByLength ? ` instead of ${percent(plainPadding)}` : "";
  const hint = before === "" && padding > MUCH_PADDING ? " (--packing would leave less)" : "";
  const joined = joins ? ", joined to one row where that saves padding" : "";
  return `batches: ${rows}${grouped}${joined}; ${percent(padding)} padding${before}${hint}`;
}

/** Says how many rows were left out, and why: ", 3 rows left out (2 longer than the limit, 1 …)". */
export function droppedText({ droppedRows, dropReasons }: DatasetStatistics): string {
  if (droppedRows === 0) return "";
  const reasons = Object.entries(dropReasons) as [DropReason, number][];
  const texts = reasons.map(([reason, rows]) =>
    `${formatCount(rows)}: ${DROP_REASON_TEXTS[reason]}`
  );
  const things = droppedRows === 1 ? "row" : "rows";
  return `, ${formatCount(droppedRows)} ${things} left out (${texts.join("; ")})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
