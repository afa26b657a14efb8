/**
 * Rows written as they lay in their file: in the same container, with the same fields.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Transform } from "node:stream";
import { createGzip, createZstdCompress } from "node:zlib";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { fileError } from "../utils/file_error.ts";
import type { JsonObject } from "../utils/json.ts";
import type { Compression, Container, DataFile } from "./sources/data_file.ts";
import type { RawRow } from "./sources/raw_row.ts";
import { transformChunks } from "./sources/transform_chunks.ts";
import { DOCUMENT_SEPARATOR } from "./sources/text_rows.ts";

/** How rows are written. */
export interface RowLayout {
  /** How they lie in the file; Parquet is written as JSON Lines. */
  readonly container: Exclude<Container, "parquet">;
  /** How the file is compressed. */
  readonly compression: Compression | undefined;
  /** The character between the fields of a table of text. */
  readonly delimiter: string;
  /** The fields of a table of text. */
  readonly fields: readonly string[];
  /** Whether the rows of plain text end at a separator, and not with the line. */
  readonly separated: boolean;
}

/** A file that was written. */
export interface WrittenFile {
  /** The file. */
  readonly path: string;
  /** Its rows. */
  readonly rows: number;
  /** SHA-256 of its bytes, in hexadecimal digits. */
  readonly sha256: string;
}

const JSON_LINES: RowLayout = {
  container: "jsonl",
  compression: undefined,
  delimiter: ",",
  fields: [],
  separated: false,
};

/** Returns the layout that all of `files` have in common, JSON Lines where there is none or it is Parquet's. */
export function commonLayout(files: readonly DataFile[]): RowLayout {
  const [first, ...others] = files.map(layoutOf);
  if (first === undefined) return JSON_LINES;
  return others.every((other) => JSON.stringify(other) === JSON.stringify(first))
    ? first
    : JSON_LINES;
}

function layoutOf({ container, compression, delimiter, fields, textRows }: DataFile): RowLayout {
  if (container === "parquet") return JSON_LINES;
  return {
    ...{ container, compression, delimiter: delimiter ?? "," },
    fields: container === "csv" ? fields : [],
    separated: textRows === "separator",
  };
}

/** Returns the end of the name of files with a layout, from the first dot on. */
export function layoutExtension({ container, compression, delimiter }: RowLayout): string {
  const names = { jsonl: ".jsonl", json: ".json", csv: delimiter === "\t" ? ".tsv" : ".csv" };
  const name = container === "text" ? ".txt" : names[container];
  return `${name}${compression === undefined ? "" : COMPRESSORS[compression].extension}`;
}

const COMPRESSORS: Readonly<
  Record<Compression, { readonly extension: string; readonly open: () => Transform }>
> = {
  gzip: { extension: ".gz", open: createGzip },
  zstd: { extension: ".zst", open: createZstdCompress },
};

/**
 * Writes rows to a file, which appears whole.
 *
 * @throws {UserError} If it cannot be written.
 */
export async function writeRows(
  path: string,
  rows: AsyncIterable<RawRow>,
  layout: RowLayout,
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let count = 0;
  async function* counted(): AsyncGenerator<RawRow, void> {
    for await (const row of rows) {
      count++;
      yield row;
    }
  }
  const chunks = encoded(TEXTS[layout.container](counted(), layout));
  const { compression } = layout;
  try {
    await writeFileAtomic(path, async (sink) => {
      const lists = compression === undefined
        ? chunks
        : compressed(chunks, COMPRESSORS[compression].open());
      for await (const chunk of lists) {
        hash.update(chunk);
        await sink.write(chunk);
      }
    });
  } catch (error) {
    throw fileError("write", path, error);
  }
  return { path, rows: count, sha256: hash.digest("hex") };
}

type WriteText = (
  rows: AsyncIterable<RawRow>,
  layout: RowLayout,
) => AsyncGenerator<string, void>;

/** Returns a row's JSON, as the file has it where it is JSON there. */
function jsonOf({ text, json }: RawRow): string {
  return text ?? JSON.stringify(json);
}

const TEXTS: Readonly<Record<RowLayout["container"], WriteText>> = {
  async *jsonl(rows) {
    for await (const row of rows) yield `${jsonOf(row)}\n`;
  },
  async *json(rows) {
    let before = "[\n";
    for await (const row of rows) {
      yield `${before}${jsonOf(row)}`;
      before = ",\n";
    }
    yield before === "[\n" ? "[]\n" : "\n]\n";
  },
  async *csv(rows, { delimiter, fields }) {
    const line = (values: readonly unknown[]) =>
      `${values.map((value) => csvField(value, delimiter)).join(delimiter)}\n`;
    yield line(fields);
    for await (const { json = {} } of rows) yield line(fields.map((field) => json[field]));
  },
  async *text(rows, { separated }) {
    for await (const { json } of rows) {
      const text = String((json as JsonObject | undefined)?.text ?? "");
      yield separated ? `${text}${DOCUMENT_SEPARATOR}\n` : `${text}\n`;
    }
  },
};

function csvField(value: unknown, delimiter: string): string {
  const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  const isPlain = text.trim() === text && !/["\r\n]/.test(text) && !text.includes(delimiter);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}

const CHUNK_CHARACTERS = 1 << 17;

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  let pending = "";
  for await (const text of texts) {
    pending += text;
    if (pending.length < CHUNK_CHARACTERS) continue;
    yield encoder.encode(pending);
    pending = "";
  }
  if (pending !== "") yield encoder.encode(pending);
}

async function* compressed(
  chunks: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<Uint8Array, void> {
  for await (const list of transformChunks<Uint8Array>(chunks, transform)) yield* list;
}
