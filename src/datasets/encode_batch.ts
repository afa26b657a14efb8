/**
 * Rows as the records of a token store, and the count of what became of them.
 *
 * @module
 */

import { collectGarbage } from "../utils/collect_garbage.ts";
import { type EncodedRow, encodeRow, type EncodeRowOptions } from "./encode.ts";
import { countTrainedTokens } from "./labels.ts";
import type { Row, RowPlace } from "./row.ts";
import { createByteList, idBytesFor, writeRecord } from "./token_store/record.ts";
import type { RecordBatch } from "./token_store/store_file.ts";
import type { DropReason } from "./truncation.ts";
import { UserError } from "../utils/errors.ts";

/** A row and where it is. */
export interface PlacedRow {
  /** The row. */
  readonly row: Row;
  /** Where it is. */
  readonly place: RowPlace;
}

/** How rows are encoded. */
export type EncodeSettings = Omit<EncodeRowOptions, "place" | "vocabSize"> & {
  /** Number of token ids of the model. */
  readonly vocabSize: number;
  /** Whether rows that cannot be encoded are left out; else they are an error. @default {false} */
  readonly skipInvalidRows?: boolean | undefined;
};

/** What became of rows. */
export interface RowCounts {
  /** Rows. */
  readonly rows: number;
  /** Those that are conversations. */
  readonly conversations: number;
  /** Examples that they make. */
  readonly examples: number;
  /** Tokens of these. */
  readonly tokens: number;
  /** Those whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens of the longest example. */
  readonly longestExample: number;
  /** Rows of which a part was cut off. */
  readonly truncatedRows: number;
  /** Rows left out, by the reason. */
  readonly dropReasons: Readonly<Partial<Record<DropReason, number>>>;
}

/** No rows. */
export const NO_ROWS: RowCounts = {
  rows: 0,
  conversations: 0,
  examples: 0,
  tokens: 0,
  trainedTokens: 0,
  longestExample: 0,
  truncatedRows: 0,
  dropReasons: {},
};

/** Encoded rows. */
export interface EncodedBatch extends RecordBatch {
  /** What became of them. */
  readonly counts: RowCounts;
}

/**
 * Encodes rows.
 *
 * @throws {UserError} If one cannot be; the message names its line.
 */
export function encodeBatch(rows: readonly PlacedRow[], settings: EncodeSettings): EncodedBatch {
  const idBytes = idBytesFor(settings.vocabSize);
  const target = createByteList();
  const lengths: number[] = [];
  const sizes: number[] = [];
  const counts = { ...NO_ROWS, dropReasons: {} as Partial<Record<DropReason, number>> };
  for (const { row, place } of rows) {
    const { examples, truncated, dropped } = encodeOrSkip({ row, place }, settings);
    counts.rows++;
    if (row.kind === "messages") counts.conversations++;
    if (truncated) counts.truncatedRows++;
    if (dropped !== undefined) {
      counts.dropReasons[dropped] = (counts.dropReasons[dropped] ?? 0) + 1;
    }
    for (const example of examples) {
      const { length } = example.inputIds;
      sizes.push(writeRecord(example, { target, idBytes }));
      lengths.push(length);
      counts.examples++;
      counts.tokens += length;
      counts.trainedTokens += countTrainedTokens(example.labels);
      counts.longestExample = Math.max(counts.longestExample, length);
    }
  }
  return {
    bytes: target.take(),
    lengths: Int32Array.from(lengths),
    sizes: Int32Array.from(sizes),
    counts,
  };
}

/** Batches after which garbage is collected: left to itself, a heap of short-lived texts grows to hundreds of megabytes. */
const COLLECTED_BATCHES = 8;

/** Returns a function that encodes batch after batch in little memory. */
export function createBatchEncoder(
  settings: EncodeSettings,
): (rows: readonly PlacedRow[]) => EncodedBatch {
  let batches = 0;
  return (rows) => {
    if (++batches % COLLECTED_BATCHES === 0) collectGarbage();
    return encodeBatch(rows, settings);
  };
}

function encodeOrSkip(
  { row, place }: PlacedRow,
  settings: EncodeSettings,
): Omit<EncodedRow, "dropped"> & { readonly dropped: DropReason | undefined } {
  try {
    return encodeRow(row, { ...settings, place });
  } catch (error) {
    if (settings.skipInvalidRows !== true || !(error instanceof UserError)) throw error;
    return { examples: [], truncated: false, dropped: "invalid" };
  }
}

/** Adds up what became of rows. */
export function addCounts(a: RowCounts, b: RowCounts): RowCounts {
  const reasons = [...Object.keys(a.dropReasons), ...Object.keys(b.dropReasons)] as DropReason[];
  return {
    rows: a.rows + b.rows,
    conversations: a.conversations + b.conversations,
    examples: a.examples + b.examples,
    tokens: a.tokens + b.tokens,
    trainedTokens: a.trainedTokens + b.trainedTokens,
    longestExample: Math.max(a.longestExample, b.longestExample),
    truncatedRows: a.truncatedRows + b.truncatedRows,
    dropReasons: Object.fromEntries(
      reasons.map((
        reason,
      ) => [reason, (a.dropReasons[reason] ?? 0) + (b.dropReasons[reason] ?? 0)]),
    ),
  };
}
