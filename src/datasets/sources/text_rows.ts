/**
 * Rows of plain text.
 *
 * @module
 */

import type { RowProblem } from "../row_error.ts";
import type { TextRows } from "./data_file.ts";
import type { RawRow, RawRowsInput } from "./raw_row.ts";
import { readTextLines } from "./read_lines.ts";

/** What separates documents where it stands in a text. */
export const DOCUMENT_SEPARATOR = "<|endoftext|>";

/** A document that is longer is given in pieces, in characters. */
const PIECE_CHARACTERS = 4 * 2 ** 20;

/** Tells by the beginning of a text how it is cut into rows: a text with blank lines is one document. */
export function textRowsOf(head: string): TextRows {
  if (head.includes(DOCUMENT_SEPARATOR)) return "separator";
  const lines = head.trim().split("\n");
  return lines.some((line) => line.trim() === "") ? "document" : "lines";
}

/** Yields the texts of a file as rows with the field `text`. */
export async function* readTextRows(
  { chunks, textRows = "document" }: RawRowsInput,
): AsyncGenerator<readonly RawRow[], void> {
  const cut = createCutter(textRows);
  for await (const lines of readTextLines(chunks)) {
    yield lines.flatMap(({ line, text, problem }) =>
      problem === undefined ? cut.push(line, text) : cut.refuse(line, problem)
    );
  }
  yield cut.end();
}

interface Cutter {
  push(line: number, text: string): RawRow[];
  refuse(line: number, problem: RowProblem): RawRow[];
  end(): RawRow[];
}

function createCutter(textRows: TextRows): Cutter {
  if (textRows === "lines") {
    return {
      push: (line, text) => text.trim() === "" ? [] : [{ line, json: { text } }],
      refuse: (line, problem) => [{ line, problem }],
      end: () => [],
    };
  }
  let row = 0;
  let first = 1;
  let parts: string[] = [];
  let length = 0;
  const take = (next: number): RawRow[] => {
    const text = parts.join("\n").replace(/^\n+|\n+$/g, "");
    const line = first;
    [parts, length, first] = [[], 0, next];
    if (text.trim() === "") return [];
    row++;
    return [{ line, row, json: { text } }];
  };
  const add = (line: number, text: string): RawRow[] => {
    if (parts.length === 0) {
      if (text.trim() === "") return [];
      first = line;
    }
    parts.push(text);
    length += text.length + 1;
    const isEnd = length >= PIECE_CHARACTERS &&
      (text.trim() === "" || length >= 2 * PIECE_CHARACTERS);
    return isEnd ? take(line + 1) : [];
  };
  return {
    push(line, text) {
      if (textRows !== "separator" || !text.includes(DOCUMENT_SEPARATOR)) return add(line, text);
      const [before, ...rest] = text.split(DOCUMENT_SEPARATOR);
      const rows = add(line, before!);
      for (const each of rest) rows.push(...take(line), ...add(line, each));
      return rows;
    },
    refuse(line, problem) {
      const rows = take(line);
      row++;
      return [...rows, { line, row, problem }];
    },
    end: () => take(0),
  };
}
