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
}

/** Text that is written at once, in characters. */
const BLOCK_CHARACTERS = 1 << 18;

const COMPRESSORS = { gzip: createGzip, zstd: createZstdCompress } as const;

/** Writes rows to `sink`. */
export async function writeRows(
  sink: ByteSink,
  rows: AsyncIterable<JsonObject>,
  { kind, columns }: WriteRowsOptions,
): Promise<void> {
  const blocks = textBlocks(rows, { kind, columns });
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
  rows: AsyncIterable<JsonObject>,
  { kind, columns }: WriteRowsOptions,
): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  const { begin, row, end } = writerOf(kind, columns);
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
  readonly row: (json: JsonObject, index: number) => string;
  readonly end: (count: number) => string;
}

function writerOf({ container, delimiter }: OutputKind, columns: readonly string[]): RowWriter {
  switch (container) {
    case "jsonl":
      return { begin: "", row: (json) => `${JSON.stringify(json)}\n`, end: () => "" };
    case "json":
      return {
        begin: "[",
        row: (json, i) => `${i === 0 ? "" : ","}\n${JSON.stringify(json)}`,
        end: (count) => count === 0 ? "]\n" : "\n]\n",
      };
    case "csv": {
      const line = (values: readonly unknown[]) =>
        `${values.map((value) => tableField(value, delimiter)).join(delimiter)}\n`;
      return {
        begin: line(columns),
        row: (json) => line(columns.map((name) => json[name])),
        end: () => "",
      };
    }
    case "text":
      return { begin: "", row: ({ text }) => `${text}\n<|endoftext|>\n`, end: () => "" };
  }
}

function tableField(value: unknown, delimiter: string): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const quoted = text === "" || text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text);
  return quoted ? `"${text.replaceAll('"', '""')}"` : text;
}
