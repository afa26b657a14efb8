/**
 * Rows of JSON files.
 *
 * @module
 */

import { createJsonScanner } from "./json_scanner.ts";
import type { RawRow, RawRowsInput } from "./raw_row.ts";

/** Yields the items of the array that the file is or holds. */
export async function* readJsonRows(
  { chunks }: RawRowsInput,
): AsyncGenerator<readonly RawRow[], void> {
  const scanner = createJsonScanner();
  for await (const chunk of chunks) yield scanner.push(chunk);
  scanner.end();
}
