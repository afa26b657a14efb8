/**
 * Rows of tables of text: CSV and TSV.
 *
 * @module
 */

import type { RowProblem } from "../row_error.ts";
import { createCsvRecordParser } from "./csv_record.ts";
import type { RawRow, RawRowsInput } from "./raw_row.ts";
import { MAX_ROW_BYTES, readTextLines } from "./read_lines.ts";
import { UnreadableError } from "./unreadable.ts";

/** Yields the rows of a table whose first line names the fields. */
export async function* readCsvRows(
  { chunks, delimiter = "," }: RawRowsInput,
): AsyncGenerator<readonly RawRow[], void> {
  const parser = createCsvRecordParser(delimiter);
  let columns: readonly string[] | undefined;
  let row = 0;
  let first = 1; // the line in which the record begins
  let damage: RowProblem | undefined;
  for await (const lines of readTextLines(chunks, { keepReturns: true })) {
    const rows: RawRow[] = [];
    for (const { line, text, problem } of lines) {
      if (!parser.isOpen) {
        if (problem === undefined && text.trim() === "") continue;
        first = line;
      }
      damage ??= problem;
      const record = parser.push(text);
      if (record === undefined) {
        if (parser.openCharacters > MAX_ROW_BYTES) throw openQuote(first, row + 1);
        continue;
      }
      if (columns === undefined) columns = columnsOf(withoutReturn(record), first);
      else rows.push({ line: first, row: ++row, ...rowOf(record, { columns, damage }) });
      damage = undefined;
    }
    yield rows;
  }
  if (parser.isOpen) throw openQuote(first, row + 1);
}

function openQuote(line: number, row: number): UnreadableError {
  return new UnreadableError(
    "a quote that is opened in the row that begins here is not closed; look for one that is missing",
    { line, row },
  );
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
  { columns, damage }: {
    readonly columns: readonly string[];
    readonly damage: RowProblem | undefined;
  },
): Pick<RawRow, "json" | "problem"> {
  if (damage !== undefined) return { problem: damage };
  if (record.length !== columns.length) {
    const problem: RowProblem = {
      code: "column-count",
      message: `it has ${record.length} fields, but the first line names ${columns.length}`,
      fix: "put a field that holds the separator or a line break into quotes",
    };
    return { problem };
  }
  const values = withoutReturn(record);
  return { json: Object.fromEntries(columns.map((name, i) => [name, values[i]!])) };
}

/** The carriage return of a line's end stands behind the last field. */
function withoutReturn(record: readonly string[]): readonly string[] {
  const last = record.at(-1)!;
  return last.endsWith("\r") ? record.with(-1, last.slice(0, -1)) : record;
}
