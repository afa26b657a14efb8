/**
 * Tables in Markdown.
 *
 * @module
 */

/** Returns a table as `deno fmt` leaves it. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "\\<"))
  );
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = cells;
  return [head!, widths.map((width) => "-".repeat(width)), ...body].map(line).join("\n");
}
