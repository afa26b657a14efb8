/**
 * Text in columns.
 *
 * @module
 */

/** Options of {@linkcode columns}. */
export interface ColumnsOptions {
  /** Columns, by number, whose text is moved to the right. @default {none} */
  readonly right?: readonly number[];
}

/** Returns rows as lines, each column as wide as its widest cell. */
export function columns(
  rows: readonly (readonly string[])[],
  { right = [] }: ColumnsOptions = {},
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row.map((cell, i) => right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
      .join("  ").trimEnd()
  );
}
