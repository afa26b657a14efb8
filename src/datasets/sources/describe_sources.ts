/**
 * Finding out what a data set consists of: its files, how the rows lie in them, and the form of the rows.
 *
 * @module
 */

import { basename } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { isJsonObject, parsedJson } from "../fields.ts";
import { type DataFormat, type FormatChoice, recogniseFormat } from "../formats.ts";
import type { RowPlace } from "../row.ts";
import { RowError } from "../row_error.ts";
import type { DataFile, DataSource, TextRows } from "./data_file.ts";
import { detectContainer } from "./detect_container.ts";
import { findFiles } from "./find_files.ts";
import { openParquetFile, type ReadableFile, readRawRows } from "./raw_rows.ts";
import { compressionOf, readChunks } from "./read_chunks.ts";
import { parseSources } from "./source_list.ts";
import { textRowsOf } from "./text_rows.ts";
import { UnreadableError } from "./unreadable.ts";

/** Options of {@linkcode describeSources}. */
export interface DescribeSourcesOptions {
  /** The form of the rows. @default {found out of the first rows of each file} */
  readonly format?: FormatChoice | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows that vote on the form of all. */
const VOTERS = 200;

/** Bytes from the beginning of a file that tell how its rows lie in it. */
const HEAD_BYTES = 1 << 18;

/**
 * Looks at the beginning of every file of `sources`: paths of files or folders, or a text that lists them.
 *
 * @throws {UserError} If a file cannot be read; {@linkcode RowError} if not even its beginning makes sense.
 */
export async function describeSources(
  sources: string | readonly DataSource[],
  options: DescribeSourcesOptions = {},
): Promise<readonly DataFile[]> {
  const list = typeof sources === "string" ? await parseSources(sources) : sources;
  const files: DataFile[] = [];
  for (const [source, { path, weight }] of list.entries()) {
    const described: DescribedFile[] = [];
    for (const file of await findFiles(path)) {
      described.push(await describeFile(file, { source, weight, ...options }));
    }
    // an empty file among others of a folder is nothing that anyone misses
    const filled = described.filter(({ isEmpty }) => !isEmpty);
    files.push(...(filled.length > 0 ? filled : described).map(({ file }) => file));
  }
  return files;
}

interface DescribedFile {
  readonly file: DataFile;
  readonly isEmpty: boolean;
}

interface DescribeFileOptions extends DescribeSourcesOptions {
  readonly source: number;
  readonly weight: number;
}

async function describeFile(
  path: string,
  { source, weight, format, signal }: DescribeFileOptions,
): Promise<DescribedFile> {
  try {
    const readable = await lookAt(path, { format, signal });
    const found = await vote(readable, signal);
    const file: DataFile = {
      ...readable,
      source,
      weight,
      bytes: (await Deno.stat(path)).size,
      format: found.format,
      formats: found.formats,
      choice: format ?? (found.formats.length === 1 ? found.format! : "mixed"),
      asked: format !== undefined,
      fields: found.fields,
      rows: readable.container === "parquet" ? await parquetRows(readable, signal) : undefined,
    };
    return { file, isEmpty: found.isEmpty };
  } catch (error) {
    throw error instanceof UnreadableError ? unreadable(path, error) : error;
  }
}

/** Returns the error that names the place at which a file cannot be read on. */
export function unreadable(
  path: string,
  error: UnreadableError,
  last: Pick<RowPlace, "line" | "row"> = { line: 0 },
): RowError {
  const { message, line = last.line + 1, unit } = error;
  const row = error.row ?? (last.row === undefined ? undefined : last.row + 1);
  const place = { path, line, unit, ...row === undefined || row === 0 ? {} : { row } };
  return new RowError(place, { code: "unreadable", message }, { cause: error });
}

async function lookAt(
  path: string,
  { format, signal }: DescribeSourcesOptions,
): Promise<ReadableFile> {
  const raw = await headOf(readChunks(path, { signal }), 8);
  const compression = compressionOf(raw.bytes);
  const { bytes, whole } = await headOf(readChunks(path, { compression, signal }), HEAD_BYTES);
  const readable = { path, compression, delimiter: undefined, textRows: undefined };
  if (startsWith(bytes, "PAR1")) return { ...readable, container: "parquet" };
  if (/\.parquet(?:\.(?:gz|zst))?$/i.test(path) && bytes.length > 0) {
    const message = "it does not begin as a Parquet file does; make it anew";
    throw new UnreadableError(message, { line: 1, unit: "row" });
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe || bytes[0] === 0xfe && bytes[1] === 0xff) {
    throw new UserError(`Cannot read "${path}": it is UTF-16; save the file as UTF-8`);
  }
  const text = new TextDecoder().decode(bytes); // drops a byte order mark
  const name = basename(path).replace(/\.(?:gz|gzip|zst|zstd)$/i, "");
  const isText = format === "lines" || format === "document";
  const detected = isText
    ? { container: "text", delimiter: undefined } as const
    : detectContainer({ name, text, whole });
  return {
    ...readable,
    ...detected,
    textRows: detected.container === "text" ? textRows(text, format) : undefined,
  };
}

function textRows(head: string, format: FormatChoice | undefined): TextRows {
  return format === "lines" || format === "document" ? format : textRowsOf(head);
}

async function headOf(
  chunks: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ readonly bytes: Uint8Array; readonly whole: boolean }> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const chunk of chunks) {
    const part = chunk.subarray(0, length - at);
    bytes.set(part, at);
    at += part.length;
    if (part.length < chunk.length) return { bytes, whole: false };
  }
  return { bytes: bytes.subarray(0, at), whole: true };
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return bytes.length >= text.length && [...text].every((c, i) => bytes[i] === c.charCodeAt(0));
}

async function parquetRows(file: ReadableFile, signal?: AbortSignal): Promise<number> {
  await using parquet = await openParquetFile(file, signal);
  return parquet.rows;
}

interface Vote {
  /** The form of most rows, the first where two have as many. */
  readonly format: DataFormat | undefined;
  /** The forms that the file is of: one, unless no form has so many rows that others would be mistakes. */
  readonly formats: readonly DataFormat[];
  /** Every field of the rows that voted. */
  readonly fields: readonly string[];
  /** Whether there are no rows at all. */
  readonly isEmpty: boolean;
}

async function vote(file: ReadableFile, signal: AbortSignal | undefined): Promise<Vote> {
  const counts = new Map<DataFormat, number>();
  const fields = new Set<string>();
  let voters = 0;
  let isWhole = true;
  try {
    reading: for await (const rows of readRawRows(file, { limit: VOTERS, signal })) {
      for (const { text, json = text === undefined ? undefined : parsedJson(text) } of rows) {
        if (voters++ >= VOTERS) break reading;
        if (!isJsonObject(json)) continue;
        for (const key of Object.keys(json)) if (fields.size < 100) fields.add(key);
        const format = recogniseFormat(json);
        if (format !== undefined) counts.set(format, (counts.get(format) ?? 0) + 1);
      }
    }
  } catch (error) {
    // what can't be read is told when the rows are read, with all that comes before it
    if (!(error instanceof UnreadableError)) throw error;
    isWhole = false;
  }
  const forms = [...counts].sort(([, a], [, b]) => b - a);
  return {
    format: forms[0]?.[0],
    formats: (isMixed(forms.map(([, count]) => count)) ? forms : forms.slice(0, 1))
      .map(([format]) => format),
    fields: [...fields],
    isEmpty: voters === 0 && isWhole,
  };
}

/** Whether rows of other forms than the first are too many to be mistakes. */
function isMixed([first = 0, second = 0, ...others]: readonly number[]): boolean {
  const share = first / (first + second + others.reduce((sum, count) => sum + count, 0));
  return share < 2 / 3 || second > 1 && share < 0.9;
}
