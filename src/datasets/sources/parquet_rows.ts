/**
 * Rows of Parquet files.
 *
 * @module
 */

import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { messageOf } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { RawRow } from "./raw_row.ts";
import { UnreadableError } from "./unreadable.ts";

/** A Parquet file that is open. */
export interface ParquetFile extends Disposable {
  /** Number of rows. */
  readonly rows: number;
  /** Yields the rows in lists. */
  read(
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<readonly RawRow[], void>;
}

/** Rows that are held at once, unless a row group has fewer. */
const ROWS_AT_ONCE = 1000;

/**
 * Opens a Parquet file.
 *
 * @throws {UserError} If it cannot be read.
 * @throws {UnreadableError} If it is damaged.
 */
export async function openParquet(path: string): Promise<ParquetFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  try {
    const { size } = await file.stat();
    return await parquetOf(asyncBuffer(file, size), () => file.close());
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Opens a Parquet file whose bytes are in memory. */
export async function openParquetBytes(bytes: Uint8Array): Promise<ParquetFile> {
  const { buffer, byteOffset } = bytes;
  return await parquetOf({
    byteLength: bytes.length,
    slice: (start, end) => copyOf(buffer, byteOffset + start, byteOffset + (end ?? bytes.length)),
  }, () => {});
}

async function parquetOf(file: AsyncBuffer, close: () => void): Promise<ParquetFile> {
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, file.byteLength);
  } catch (error) {
    throw damaged(error, 1);
  }
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const rows = groups.reduce((sum, count) => sum + count, 0);
  return {
    rows,
    async *read({ signal } = {}) {
      let groupStart = 0;
      for (const count of groups) {
        for (let start = groupStart; start < groupStart + count; start += ROWS_AT_ONCE) {
          signal?.throwIfAborted();
          const rowEnd = Math.min(start + ROWS_AT_ONCE, groupStart + count);
          let objects: Record<string, unknown>[];
          try {
            objects = await parquetReadObjects({
              file,
              metadata,
              compressors,
              rowStart: start,
              rowEnd,
            });
          } catch (error) {
            throw damaged(error, start + 1);
          }
          if (objects.length !== rowEnd - start) {
            throw damaged(
              new Error(`${objects.length} rows instead of ${rowEnd - start}`),
              start + 1,
            );
          }
          yield objects.map((each, i): RawRow => ({
            line: start + i + 1,
            json: plain(each) as JsonObject,
          }));
        }
        groupStart += count;
      }
    },
    [Symbol.dispose]: close,
  };
}

/** Numbers of a damaged file that would make the reading endless. */
function checkMetadata({ row_groups }: FileMetaData, byteLength: number): void {
  for (const { num_rows, columns } of row_groups) {
    if (num_rows < 0n || num_rows > 2n ** 40n) throw new Error(`a group of ${num_rows} rows`);
    for (const { meta_data } of columns) {
      if (meta_data === undefined) throw new Error("a column without description");
      const { data_page_offset, total_compressed_size } = meta_data;
      if (
        data_page_offset < 0n || total_compressed_size < 0n ||
        data_page_offset + total_compressed_size > BigInt(byteLength)
      ) {
        throw new Error("a column that lies outside of the file");
      }
    }
  }
}

/** Makes of what Parquet has what JSON has. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, plain);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

function asyncBuffer(file: Deno.FsFile, byteLength: number): AsyncBuffer {
  let turn = Promise.resolve(); // reads share one position
  return {
    byteLength,
    slice(start, end = byteLength) {
      const read = turn.then(() => readRange(file, start, Math.min(end, byteLength)));
      turn = read.then(() => {}, () => {});
      return read;
    },
  };
}

async function readRange(file: Deno.FsFile, start: number, end: number): Promise<ArrayBuffer> {
  if (!(start >= 0 && end >= start)) throw new RangeError(`bytes from ${start} to ${end}`);
  const bytes = new Uint8Array(end - start);
  await file.seek(start, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw new Error("the file has become shorter");
    at += count;
  }
  return bytes.buffer;
}

function copyOf(buffer: ArrayBufferLike, start: number, end: number): ArrayBuffer {
  const copy = new Uint8Array(Math.max(0, end - start));
  copy.set(new Uint8Array(buffer, start, copy.length));
  return copy.buffer;
}

function damaged(error: unknown, row: number): UnreadableError {
  return new UnreadableError(
    `the Parquet file is damaged or of a kind that is not read (${messageOf(error)}); make it anew`,
    { line: row, cause: error },
  );
}
