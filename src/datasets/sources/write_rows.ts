/**
 * Writing rows to a file of the kind that its name says.
 *
 * @module
 */

import { createGzip, createZstdCompress } from "node:zlib";
import type { ByteSink } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { Compression, Container } from "./data_file.ts";
import { DOCUMENT_SEPARATOR } from "./text_rows.ts";
import { transformChunks } from "./transform_chunks.ts";

/** A kind of file that rows are written to. */
export interface OutputKind {
  /** How the rows lie in it. */
  readonly container: Exclude<Container, "parquet">;
  /** How it is compressed. */
  readonly compression: Compression | undefined;
  /** The character between the fields of a table of text. */
  readonly delimiter: string;
}

const CONTAINERS: Readonly<Record<string, OutputKind["container"]>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "csv",
  txt: "text",
};

/**
 * Tells by the name of a file what is written to it.
 *
 * @throws {UserError} If the name says nothing that can be written.
 */
export function outputKind(path: string): OutputKind {
  const match = /\.([a-z]+)(?:\.(gz|zst))?$/i.exec(path);
  const ending = match?.[1]?.toLowerCase() ?? "";
  const container = Object.hasOwn(CONTAINERS, ending) ? CONTAINERS[ending] : undefined;
  if (container === undefined) {
    throw new UserError(
      `Cannot write rows to "${path}": its name must end in .jsonl, .json, .csv, .tsv or .txt, ` +
        "perhaps with .gz or .zst behind it",
    );
  }
  const compressed = match?.[2]?.toLowerCase();
  return {
    container,
    compression: compressed === undefined ? undefined : compressed === "gz" ? "gzip" : "zstd",
    delimiter: ending === "tsv" ? "\t" : ",",
  };
}

/** Options of {@linkcode writeRows}. */
export interface WriteRowsOptions {
  /** The kind of file. */
  readonly kind: OutputKind;
  /** The columns of a table. */
  readonly columns: readonly string[];
  /** What follows on each row of plain text. @default {"\n<|endoftext|>\n"} */
  readonly separator?: string;
}

/** A row, or its JSON as it is to be written where that is JSON. */
export type WritableRow = JsonObject | string;

/** Text that is written at once, in characters. */
const BLOCK_CHARACTERS = 1 << 18;

const COMPRESSORS = { gzip: createGzip, zstd: createZstdCompress } as const;

/** Writes rows to `sink`. */
export async function writeRows(
  sink: ByteSink,
  rows: AsyncIterable<WritableRow>,
  options: WriteRowsOptions,
): Promise<void> {
  const { kind } = options;
  const blocks = textBlocks(rows, options);
  if (kind.compression === undefined) {
    for await (const block of blocks) await sink.write(block);
    return;
  }
  const compress = COMPRESSORS[kind.compression]();
  for await (const list of transformChunks<Uint8Array>(blocks, compress)) {
    for (const each of list) await sink.write(each);
  }
}

async function* textBlocks(
  rows: AsyncIterable<WritableRow>,
  options: WriteRowsOptions,
): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  const { begin, row, end } = writerOf(options);
  let text = begin;
  let count = 0;
  for await (const json of rows) {
    text += row(json, count++);
    if (text.length < BLOCK_CHARACTERS) continue;
    yield encoder.encode(text);
    text = "";
  }
  text += end(count);
  if (text !== "") yield encoder.encode(text);
}

interface RowWriter {
  readonly begin: string;
  readonly row: (row: WritableRow, index: number) => string;
  readonly end: (count: number) => string;
}

function writerOf(
  { kind: { container, delimiter }, columns, separator = `\n${DOCUMENT_SEPARATOR}\n` }:
    WriteRowsOptions,
): RowWriter {
  switch (container) {
    case "jsonl":
      return { begin: "", row: (row) => `${jsonOf(row)}\n`, end: () => "" };
    case "json":
      return {
        begin: "[",
        row: (row, i) => `${i === 0 ? "" : ","}\n${jsonOf(row)}`,
        end: (count) => count === 0 ? "]\n" : "\n]\n",
      };
    case "csv": {
      const line = (values: readonly unknown[]) =>
        `${values.map((value) => tableField(value, delimiter)).join(delimiter)}\n`;
      return {
        begin: line(columns),
        row: (row) => line(columns.map((name) => fieldsOf(row)[name])),
        end: () => "",
      };
    }
    case "text":
      return { begin: "", row: (row) => `${fieldsOf(row).text}${separator}`, end: () => "" };
  }
}

function jsonOf(row: WritableRow): string {
  return typeof row === "string" ? row : JSON.stringify(row);
}

function fieldsOf(row: WritableRow): JsonObject {
  return typeof row === "string" ? JSON.parse(row) : row;
}

function tableField(value: unknown, delimiter: string): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const quoted = text === "" || text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text);
  return quoted ? `"${text.replaceAll('"', '""')}"` : text;
}
