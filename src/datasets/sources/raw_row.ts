/**
 * Rows as they lie in a file, not yet checked.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { RowProblem } from "../row_error.ts";
import type { TextRows } from "./data_file.ts";

/** A row as it lies in a file. It has one of `text`, `json` and `problem`. */
export interface RawRow {
  /** The line in which it begins, counted from 1; of a file without lines, the row. */
  readonly line: number;
  /** The row, counted from 1, where that is not the line. */
  readonly row?: number;
  /** Its JSON, not yet parsed. */
  readonly text?: string;
  /** Its fields. */
  readonly json?: JsonObject;
  /** Why it cannot be read. */
  readonly problem?: RowProblem;
}

/** What a reader of rows is given. */
export interface RawRowsInput {
  /** Its bytes, decompressed. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The character between the fields of a table of text. */
  readonly delimiter: string | undefined;
  /** How plain text is cut into rows. */
  readonly textRows: TextRows | undefined;
}

/** Yields the rows of a file in lists. */
export type ReadRawRows = (input: RawRowsInput) => AsyncGenerator<readonly RawRow[], void>;
