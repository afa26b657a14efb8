/**
 * Rows of Parquet files.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { messageOf } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";
import { checkColumn, columnRange } from "./parquet_check.ts";
import type { RawRow } from "./raw_row.ts";
import { UnreadableError } from "./unreadable.ts";

/** Options of {@linkcode ParquetFile.read}. */
export interface ReadParquetOptions {
  /** How many rows to read. @default {all of them} */
  readonly limit?: number | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** A Parquet file that is open. */
export interface ParquetFile extends AsyncDisposable {
  /** Number of rows. */
  readonly rows: number;
  /** Yields the rows in lists. */
  read(options?: ReadParquetOptions): AsyncGenerator<readonly RawRow[], void>;
}

/** Of a group of rows no more is decoded at once than about this. */
const STEP_BYTES = 128 * 2 ** 20;

/** Rows that are handed on at once. */
const STEP_ROWS = 200_000;

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
  const { size } = await file.stat();
  const ranges = createRanges(size, async (start, end) => {
    const bytes = new Uint8Array(end - start);
    await file.seek(start, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) {
      const count = await file.read(bytes.subarray(at));
      if (count === null) throw new Error("the file has become shorter");
      at += count;
    }
    return bytes.buffer;
  });
  return await parquetOf(ranges, () => file.close());
}

/** Opens a Parquet file whose bytes are in memory. */
export async function openParquetBytes(bytes: Uint8Array): Promise<ParquetFile> {
  const ranges = createRanges(bytes.length, async (start, end) => {
    await setImmediate(); // as late as from a disk
    return bytes.slice(start, end).buffer;
  });
  return await parquetOf(ranges, () => {});
}

/** Ranges of a file, read one after another. */
interface Ranges {
  /** Gives them to the reader. */
  readonly buffer: AsyncBuffer;
  /** Lets nothing more come, not even what is being read; fulfilled when nothing is read any more. */
  stop(): Promise<void>;
}

/**
 * The reader starts the reading of all columns. Where it fails at one of them it does not wait for the others, whose
 * failures would then end the program: they are left to wait instead.
 */
function createRanges(
  byteLength: number,
  read: (start: number, end: number) => Promise<ArrayBuffer>,
): Ranges {
  let turn: Promise<unknown> = Promise.resolve();
  let stopped = false;
  return {
    buffer: {
      byteLength,
      slice: (start, end = byteLength) =>
        new Promise((resolve, reject) => {
          turn = turn.then(async () => {
            if (stopped) return;
            try {
              if (!(start >= 0 && end >= start)) throw new RangeError(`bytes ${start} to ${end}`);
              const bytes = await read(start, Math.min(end, byteLength));
              if (!stopped) resolve(bytes);
            } catch (error) {
              if (!stopped) reject(error);
            }
          });
        }),
    },
    async stop() {
      stopped = true;
      await turn;
    },
  };
}

async function parquetOf(ranges: Ranges, close: () => void): Promise<ParquetFile> {
  const file = ranges.buffer;
  const dispose = async () => {
    await ranges.stop();
    close();
  };
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, file.byteLength);
  } catch (error) {
    await dispose();
    throw damaged(error, 1);
  }
  const groups = metadata.row_groups.map((group) => {
    const rows = Number(group.num_rows);
    const steps = Math.max(Math.ceil(rows / STEP_ROWS), Number(group.total_byte_size) / STEP_BYTES);
    return { group, rows, step: Math.ceil(rows / Math.max(1, Math.ceil(steps))) };
  });
  return {
    rows: groups.reduce((sum, { rows }) => sum + rows, 0),
    async *read({ limit = Infinity, signal } = {}) {
      let groupStart = 0;
      for (const { group, rows, step } of groups) {
        await checkGroup(group, { file, metadata, rowStart: groupStart });
        const groupEnd = Math.min(groupStart + rows, limit);
        for (let start = groupStart; start < groupEnd; start += step) {
          signal?.throwIfAborted();
          const rowEnd = Math.min(start + step, groupEnd);
          yield await readRange({ file, metadata, rowStart: start, rowEnd });
        }
        groupStart += rows;
        if (groupStart >= limit) return;
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Looks over the columns of a group of rows. */
async function checkGroup(
  { columns }: RowGroup,
  { file, metadata, rowStart }: Omit<RowRange, "rowEnd">,
): Promise<void> {
  try {
    for (const { meta_data: meta } of columns) {
      if (meta === undefined) continue;
      const { start, end } = columnRange(meta);
      checkColumn(new Uint8Array(await file.slice(start, end)), meta, metadata);
    }
  } catch (error) {
    throw damaged(error, rowStart + 1);
  }
}

interface RowRange {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rowStart: number;
  readonly rowEnd: number;
}

async function readRange({ file, metadata, rowStart, rowEnd }: RowRange): Promise<RawRow[]> {
  try {
    const options = { file, metadata, compressors, rowStart, rowEnd };
    const objects = await parquetReadObjects(options);
    if (objects.length !== rowEnd - rowStart) throw new Error("some rows are missing");
    return objects.map((each, i) => ({
      line: rowStart + i + 1,
      json: plain(each) as JsonObject,
    }));
  } catch (error) {
    throw damaged(error, rowStart + 1);
  }
}

/** Numbers of a damaged file that would make the reading endless. */
function checkMetadata({ row_groups }: FileMetaData, byteLength: number): void {
  for (const { num_rows, columns } of row_groups) {
    if (num_rows < 0n) throw new Error(`a group of ${num_rows} rows`);
    for (const { meta_data: meta } of columns) {
      if (meta === undefined) throw new Error("a column without description");
      if (meta.num_values < num_rows) throw new Error("a column with too few values");
      const { start, end } = columnRange(meta);
      if (!(start >= 0 && end >= start && end <= byteLength)) {
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

function damaged(error: unknown, row: number): UnreadableError {
  // what the reader stumbles over inside says nothing to a person
  const isStumble = error instanceof TypeError || error instanceof RangeError;
  const detail = isStumble ? "" : ` (${messageOf(error)})`;
  return new UnreadableError(
    `the Parquet file is damaged or of a kind that is not read${detail}; make it anew`,
    { line: row, unit: "row", cause: error },
  );
}
