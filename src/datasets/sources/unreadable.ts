/**
 * Data that cannot be read on.
 *
 * @module
 */

/** Options of {@linkcode UnreadableError}. */
export interface UnreadableErrorOptions extends ErrorOptions {
  /** The line in which it is seen. @default {the one after the last row} */
  readonly line?: number;
  /** The row that would be next, where rows are not lines. */
  readonly row?: number;
  /** What `line` counts. @default {"line"} */
  readonly unit?: "line" | "row";
}

/** The bytes of a file stop making sense; whoever reads rows of it adds the place. */
export class UnreadableError extends Error {
  /** Tells it from other errors. */
  override readonly name = "UnreadableError";
  /** The line in which it is seen. */
  readonly line: number | undefined;
  /** The row that would be next, where rows are not lines. */
  readonly row: number | undefined;
  /** What `line` counts. */
  readonly unit: "line" | "row";

  /** Says what is wrong and, behind a semicolon, what to do. */
  constructor(
    message: string,
    { line, row, unit = "line", ...options }: UnreadableErrorOptions = {},
  ) {
    super(message, options);
    this.line = line;
    this.row = row;
    this.unit = unit;
  }
}
