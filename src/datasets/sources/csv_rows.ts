/**
 * Rows of tables of text: CSV and TSV.
 *
 * @module
 */

import { parse } from "csv-parse";
import { messageOf } from "../../utils/errors.ts";
import type { RowProblem } from "../row_error.ts";
import type { RawRow, RawRowsInput } from "./raw_row.ts";
import { MAX_ROW_BYTES } from "./read_lines.ts";
import { transformChunks } from "./transform_chunks.ts";
import { UnreadableError } from "./unreadable.ts";

interface CsvRecord {
  readonly record: readonly string[];
  /** `lines` are those until the end of the record. */
  readonly info: { readonly lines: number };
}

/** Yields the rows of a table whose first line names the fields. */
export async function* readCsvRows(
  { chunks, delimiter = "," }: RawRowsInput,
): AsyncGenerator<readonly RawRow[], void> {
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: MAX_ROW_BYTES,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  });
  let columns: readonly string[] | undefined;
  let row = 0;
  let line = 1;
  try {
    for await (const records of transformChunks<CsvRecord>(chunks, parser)) {
      const rows: RawRow[] = [];
      for (const { record, info } of records) {
        line = info.lines - breaksIn(record);
        if (columns === undefined) columns = columnsOf(record, line);
        else rows.push({ line, row: ++row, ...rowOf(record, columns) });
      }
      yield rows;
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("CSV_"))) {
      throw error;
    }
    throw new UnreadableError(
      `the table cannot be read on (${messageOf(error)}); look for a quote that is missing`,
      { line: line + 1, row: row + 1, cause: error },
    );
  }
}

function columnsOf(record: readonly string[], line: number): readonly string[] {
  const names = record.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new UnreadableError(
    `the first line must name the fields, but "${twice}" is there twice`,
    { line, row: 0 },
  );
}

function rowOf(
  record: readonly string[],
  columns: readonly string[],
): Pick<RawRow, "json" | "problem"> {
  if (record.length !== columns.length) {
    const problem: RowProblem = {
      code: "column-count",
      message: `it has ${record.length} fields, but the first line names ${columns.length}`,
      fix: "put a field that holds the separator or a line break into quotes",
    };
    return { problem };
  }
  const bad = record.findIndex((value) => value.includes("\uFFFD"));
  if (bad !== -1) {
    const problem: RowProblem = {
      code: "invalid-utf8",
      message: `"${
        columns[bad]
      }" holds bytes that are not valid UTF-8, or the character U+FFFD for some`,
      fix: "save the file as UTF-8",
    };
    return { problem };
  }
  return { json: Object.fromEntries(columns.map((name, i) => [name, record[i]!])) };
}

function breaksIn(record: readonly string[]): number {
  let count = 0;
  for (const value of record) {
    for (let at = value.indexOf("\n"); at !== -1; at = value.indexOf("\n", at + 1)) count++;
  }
  return count;
}
