/**
 * From rows to a token store: the rows are encoded in batches, in this thread or in others, and written in their order.
 *
 * @module
 */

import {
  addCounts,
  createBatchEncoder,
  type EncodedBatch,
  type EncodeSettings,
  NO_ROWS,
  type PlacedRow,
  type RowCounts,
} from "./encode_batch.ts";
import type { Row } from "./row.ts";
import type { RecordSink } from "./token_store/store_file.ts";

/** A row, and how much of its file was read with it. */
export interface ReadRow extends PlacedRow {
  /** Bytes of the file up to its end. */
  readonly endByte: number;
}

/** How far it has come. */
export interface TokenizeProgress {
  /** Rows encoded. */
  readonly rows: number;
  /** Bytes of the file that they take. */
  readonly bytes: number;
}

/** Encodes batches of rows, several at once. */
export interface BatchEncoder extends AsyncDisposable {
  /** How many batches it works at. */
  readonly width: number;
  /** Encodes one. */
  encode(rows: readonly PlacedRow[]): Promise<EncodedBatch>;
}

/** Options of {@linkcode tokenizeRows}. */
export interface TokenizeOptions {
  /** Encodes the rows. */
  readonly encoder: BatchEncoder;
  /** Takes what they become. */
  readonly sink: RecordSink;
  /** Told how far it has come. */
  readonly onProgress: (progress: TokenizeProgress) => void;
}

/** A batch ends with the row that reaches one of these. */
const BATCH_ROWS = 512;
const BATCH_SIZE = 1 << 19;

/** Encodes in this thread. */
export function localEncoder(settings: EncodeSettings): BatchEncoder {
  const encode = createBatchEncoder(settings);
  return {
    width: 1,
    encode: (rows) => new Promise((resolve) => resolve(encode(rows))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Encodes rows.
 *
 * @throws {UserError} If one cannot be: the first of them, wherever in the work it shows.
 */
export async function tokenizeRows(
  rows: AsyncIterable<ReadRow>,
  { encoder, sink, onProgress }: TokenizeOptions,
): Promise<RowCounts> {
  let counts = NO_ROWS;
  const pending: { readonly encoded: Promise<EncodedBatch>; readonly endByte: number }[] = [];
  const settle = async (left: number) => {
    while (pending.length > left) {
      const { encoded, endByte } = pending[0]!;
      const batch = await encoded;
      pending.shift();
      await sink(batch);
      counts = addCounts(counts, batch.counts);
      onProgress({ rows: counts.rows, bytes: endByte });
    }
  };
  let batch: ReadRow[] = [];
  const submit = async () => {
    if (batch.length === 0) return;
    const encoded = encoder.encode(batch);
    encoded.catch(() => {}); // it is awaited later, in its turn
    pending.push({ encoded, endByte: batch.at(-1)!.endByte });
    batch = [];
    // one more than it works at is ready for it
    await settle(encoder.width);
  };
  try {
    let size = 0;
    for await (const row of rows) {
      batch.push(row);
      size += sizeOf(row.row);
      if (batch.length < BATCH_ROWS && size < BATCH_SIZE) continue;
      size = 0;
      await submit();
    }
  } catch (error) {
    // what came before the row that cannot be read may be at fault as well, and is then told first
    await submit();
    await settle(0);
    throw error;
  }
  await submit();
  await settle(0);
  return counts;
}

/** Returns about how many characters or ids a row has. */
function sizeOf(row: Row): number {
  switch (row.kind) {
    case "tokens":
      return row.inputIds.length;
    case "messages":
      return row.messages.reduce((sum, { content }) => sum + content.length, 0);
    case "completion":
      return row.prompt.length + row.completion.length;
    case "text":
      return row.text.length;
  }
}
