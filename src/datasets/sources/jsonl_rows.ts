/**
 * Rows of JSON Lines files.
 *
 * @module
 */

import type { RawRow, RawRowsInput } from "./raw_row.ts";
import { readTextLines } from "./read_lines.ts";

/** Yields each line that is not blank as a row. */
export async function* readJsonlRows(
  { chunks }: RawRowsInput,
): AsyncGenerator<readonly RawRow[], void> {
  for await (const lines of readTextLines(chunks)) {
    const rows: RawRow[] = [];
    for (const { line, text, problem } of lines) {
      if (problem !== undefined) rows.push({ line, problem });
      else if (text.trim() !== "") rows.push({ line, text });
    }
    yield rows;
  }
}
