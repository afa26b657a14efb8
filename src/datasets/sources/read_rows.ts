/**
 * The rows of a data set, whatever its files are, one after the other.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { FORMAT_RULES, recogniseFormat } from "../formats.ts";
import { type ParsedRow, parseJsonObject, parseRecord } from "../parse_row.ts";
import type { Row, RowPlace } from "../row.ts";
import { RowError, type RowProblem } from "../row_error.ts";
import type { DataFile } from "./data_file.ts";
import { unreadable } from "./describe_sources.ts";
import type { RawRow } from "./raw_row.ts";
import { readRawRows } from "./raw_rows.ts";
import { UnreadableError } from "./unreadable.ts";

/** A row that can be used. */
export interface UsableRow {
  /** The file that it is in. */
  readonly file: DataFile;
  /** Where it is. */
  readonly place: RowPlace;
  /** Its fields as the file has them. */
  readonly json: JsonObject;
  /** The row. */
  readonly row: Row;
  /** What a person should look at, a sentence each. */
  readonly warnings: readonly string[];
  /** Nothing is wrong with it. */
  readonly problem?: undefined;
}

/** A row that cannot be used. */
export interface RefusedRow {
  /** The file that it is in. */
  readonly file: DataFile;
  /** Where it is. */
  readonly place: RowPlace;
  /** Its fields as the file has them, where they can be read. */
  readonly json: JsonObject | undefined;
  /** There is none. */
  readonly row?: undefined;
  /** What is wrong with it. */
  readonly problem: RowProblem;
  /** The same as an error that names the place. */
  readonly error: RowError;
}

/** A row of a data set, usable or not. */
export type SourceRow = UsableRow | RefusedRow;

/** What is known of a file when it has been read to its end. */
export interface ReadFile {
  /** The file. */
  readonly file: DataFile;
  /** Its rows, those that cannot be used among them. */
  readonly rows: number;
  /** SHA-256 of its bytes as they lie on disk, in hexadecimal digits. */
  readonly sha256: string;
}

/** Options of {@linkcode readRows}. */
export interface ReadRowsOptions {
  /** Number of token ids of the model; ids of tokenised rows must be below. @default {any id may be} */
  readonly vocabSize?: number | undefined;
  /** Told how many bytes have been read, of files as they lie on disk. @default {nothing is told} */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Told of each file that has been read to its end; without it no hash is computed. @default {nothing is told} */
  readonly onFileEnd?: ((file: ReadFile) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the rows of files, of which no more than a few are held at once. A row that cannot be used comes with its
 * problem; none is left out.
 *
 * @throws {UserError} If a file cannot be opened or there are no rows at all.
 * @throws {RowError} If a file cannot be read on; the error names the line.
 */
export async function* readRows(
  files: readonly DataFile[],
  options: ReadRowsOptions = {},
): AsyncGenerator<SourceRow, void> {
  let total = 0;
  for (const file of files) {
    for await (const row of readFileRows(file, options)) {
      total++;
      yield row;
    }
  }
  if (total > 0) return;
  const names = files.map(({ path }) => `"${path}"`).join(", ");
  throw new UserError(`Cannot use ${names}: it has no rows`);
}

async function* readFileRows(
  file: DataFile,
  { vocabSize, onBytes, onFileEnd, signal }: ReadRowsOptions,
): AsyncGenerator<SourceRow, void> {
  const hash = onFileEnd === undefined ? undefined : createHash("sha256");
  const tell = (bytes: Uint8Array) => {
    hash?.update(bytes);
    onBytes?.(bytes.length);
  };
  let last: Pick<RowPlace, "line" | "row"> | undefined;
  let rows = 0;
  try {
    const told = hash === undefined && onBytes === undefined ? undefined : tell;
    for await (const list of readRawRows(file, { onBytes: told, signal })) {
      for (const raw of list) {
        last = raw;
        rows++;
        yield checkedRow(raw, { file, vocabSize });
      }
    }
  } catch (error) {
    throw error instanceof UnreadableError ? unreadable(file.path, error, last) : error;
  }
  if (hash !== undefined) onFileEnd?.({ file, rows, sha256: hash.digest("hex") });
}

interface CheckOptions {
  readonly file: DataFile;
  readonly vocabSize: number | undefined;
}

function checkedRow(raw: RawRow, { file, vocabSize }: CheckOptions): SourceRow {
  const place: RowPlace = {
    path: file.path,
    line: raw.line,
    ...raw.row === undefined ? {} : { row: raw.row },
    ...file.container === "parquet" ? { unit: "row" } as const : {},
  };
  let json = raw.json;
  try {
    if (raw.problem !== undefined) throw new RowError(place, raw.problem);
    json ??= parseJsonObject(raw.text ?? "", place);
    return { file, place, json, ...parsed(json, { file, place, vocabSize }) };
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    return { file, place, json, problem: error.problem, error };
  }
}

function parsed(
  json: JsonObject,
  { file, place, vocabSize }: CheckOptions & { readonly place: RowPlace },
): ParsedRow {
  const { choice, asked } = file;
  if (asked || choice === "mixed") return parseRecord(json, { place, vocabSize, format: choice });
  const format = recogniseFormat(json);
  // a mistake in the row itself says more than that it is of another form
  const row = parseRecord(json, { place, vocabSize, format: format ?? "mixed" });
  if (format === choice || format === undefined) return row;
  throw new RowError(place, {
    code: "other-format",
    message: `it is a ${format} row (${FORMAT_RULES[format].fields}) among ${choice} rows`,
    fix: 'write it like the others, or give "--format mixed" to read each row by its own fields',
  });
}
