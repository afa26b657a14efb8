/**
 * The rows of a data set that can be trained on.
 *
 * @module
 */

import type { RowPlace } from "../row.ts";
import { RowError, type RowProblem, type RowProblemCode } from "../row_error.ts";
import type { SourceRow, UsableRow } from "../sources/read_rows.ts";
import { checkRow } from "./check_row.ts";
import { isUnusable } from "./finding.ts";

/** Options of {@linkcode usableRows}. */
export interface UsableRowsOptions {
  /** Told of rows that are left out; without it the first of them is an error. */
  readonly onSkipped?: ((problem: RowProblem, place: RowPlace) => void) | undefined;
}

/**
 * Yields the rows that can be trained on; what makes a row unusable is what `data validate` calls so.
 *
 * @throws {RowError} If a row cannot be used and none may be left out.
 */
export async function* usableRows(
  rows: AsyncIterable<SourceRow>,
  { onSkipped }: UsableRowsOptions = {},
): AsyncGenerator<UsableRow, void> {
  for await (const item of rows) {
    const problem = refusalOf(item);
    if (problem === undefined) yield item as UsableRow;
    else if (onSkipped === undefined) throw new RowError(item.place, problem);
    else onSkipped(problem, item.place);
  }
}

/** Returns why a row cannot be trained on; `undefined` if it can. */
export function refusalOf({ row, problem }: SourceRow): RowProblem | undefined {
  if (row === undefined) return problem;
  const found = checkRow(row, "quick").find(isUnusable);
  return found && { ...found, code: found.code as RowProblemCode };
}
