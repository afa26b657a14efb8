/**
 * What was found out of a file, in one line for a person.
 *
 * @module
 */

import type { Container, DataFile } from "./data_file.ts";

const CONTAINER_NAMES: Readonly<Record<Container, string>> = {
  jsonl: "JSON Lines",
  json: "JSON",
  csv: "CSV",
  parquet: "Parquet",
  text: "plain text",
};

const SHOWN_FIELDS = 8;

/** Says what a file holds: "alpaca rows in JSON, 1,000 rows: instruction, input, output". */
export function fileDescription(file: DataFile, rows: number | undefined = file.rows): string {
  const { container, compression, delimiter, textRows, fields } = file;
  const name = delimiter === "\t" ? "TSV" : CONTAINER_NAMES[container];
  const place = `${name}${compression === undefined ? "" : ` (${compression})`}`;
  const count = rows === undefined
    ? ""
    : `, ${rows.toLocaleString("en-US")} ${rows === 1 ? "row" : "rows"}`;
  if (textRows !== undefined) return `text rows in ${place}${count}: ${TEXT_ROWS[textRows]}`;
  const more = fields.length > SHOWN_FIELDS ? ", …" : "";
  const named = fields.length === 0 ? "" : `: ${fields.slice(0, SHOWN_FIELDS).join(", ")}${more}`;
  return `${formName(file)} in ${place}${count}${named}`;
}

function formName({ choice, formats, asked }: DataFile): string {
  if (choice !== "mixed") return `${choice} rows`;
  if (formats.length === 0) return "rows of no known form";
  return asked && formats.length === 1
    ? "mixed rows"
    : `rows of several forms (${formats.join(", ")})`;
}

const TEXT_ROWS = {
  lines: "each line is a row",
  separator: "a row ends at <|endoftext|>",
  document: "all of it is one document",
} as const;
