/**
 * The rows of any file, not yet checked.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import { readCsvRows } from "./csv_rows.ts";
import type { Container, DataFile } from "./data_file.ts";
import { readJsonRows } from "./json_rows.ts";
import { readJsonlRows } from "./jsonl_rows.ts";
import { openParquet, openParquetBytes } from "./parquet_rows.ts";
import type { RawRow, ReadRawRows } from "./raw_row.ts";
import { readChunks } from "./read_chunks.ts";
import { readTextRows } from "./text_rows.ts";

/** What is needed of a file to read it. */
export type ReadableFile = Pick<
  DataFile,
  "path" | "container" | "compression" | "delimiter" | "textRows"
>;

/** Options of {@linkcode readRawRows}. */
export interface ReadRawRowsOptions {
  /** Told of all bytes of the file as it lies on disk, in order. @default {nothing is told} */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
  /** How many rows are wanted; there may be more. @default {all of them} */
  readonly limit?: number | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

const READERS: Readonly<Record<Exclude<Container, "parquet">, ReadRawRows>> = {
  jsonl: readJsonlRows,
  json: readJsonRows,
  csv: readCsvRows,
  text: readTextRows,
};

/** A Parquet file is read at many places, so that a compressed one must be held. */
const MAX_HELD_BYTES = 2 ** 31 - 2 ** 20;

/**
 * Yields the rows of a file in lists.
 *
 * @throws {UserError} If it cannot be opened or read.
 * @throws {UnreadableError} If its bytes stop making sense.
 */
export async function* readRawRows(
  file: ReadableFile,
  { onBytes, limit, signal }: ReadRawRowsOptions = {},
): AsyncGenerator<readonly RawRow[], void> {
  const { path, container, compression, delimiter, textRows } = file;
  if (container !== "parquet") {
    const chunks = readChunks(path, { compression, onBytes, signal });
    yield* READERS[container]({ chunks, delimiter, textRows });
    return;
  }
  if (onBytes !== undefined) {
    for await (const chunk of readChunks(path, { signal })) onBytes(chunk);
  }
  await using parquet = await openParquetFile(file, signal);
  yield* parquet.read({ limit, signal });
}

/** Opens a Parquet file, compressed or not. */
export async function openParquetFile(
  { path, compression }: Pick<ReadableFile, "path" | "compression">,
  signal?: AbortSignal,
): ReturnType<typeof openParquet> {
  if (compression === undefined) return await openParquet(path);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readChunks(path, { compression, signal })) {
    parts.push(chunk);
    length += chunk.length;
    if (length > MAX_HELD_BYTES) {
      throw new UserError(
        `Cannot read "${path}": it is a compressed Parquet file of more than ${
          formatBytes(MAX_HELD_BYTES)
        }; decompress it first`,
      );
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return await openParquetBytes(bytes);
}
