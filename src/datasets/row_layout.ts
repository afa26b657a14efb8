/**
 * Rows written as they lay in the files that they come from: in the same container, with the same fields.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import type { DataFile } from "./sources/data_file.ts";
import type { RawRow } from "./sources/raw_row.ts";
import { type WritableRow, writeRows, type WriteRowsOptions } from "./sources/write_rows.ts";

/** How rows are written. */
export type RowLayout = Required<WriteRowsOptions>;

/** A file that was written. */
export interface WrittenFile {
  /** The file. */
  readonly path: string;
  /** Its rows. */
  readonly rows: number;
  /** SHA-256 of its bytes, in hexadecimal digits. */
  readonly sha256: string;
}

const SEPARATOR = "\n<|endoftext|>\n";

const JSON_LINES: RowLayout = {
  kind: { container: "jsonl", compression: undefined, delimiter: "," },
  columns: [],
  separator: SEPARATOR,
};

/** Returns the layout that all of `files` have in common; JSON Lines where there is none, or it is Parquet's. */
export function commonLayout(files: readonly DataFile[]): RowLayout {
  const [first, ...others] = files.map(layoutOf);
  if (first === undefined) return JSON_LINES;
  return others.every((other) => JSON.stringify(other) === JSON.stringify(first))
    ? first
    : JSON_LINES;
}

function layoutOf({ container, compression, delimiter, fields, textRows }: DataFile): RowLayout {
  // of a very wide table not all fields are known
  if (container === "parquet" || container === "csv" && fields.length >= 100) return JSON_LINES;
  return {
    kind: { container, compression, delimiter: delimiter ?? "," },
    columns: container === "csv" ? fields : [],
    separator: textRows === "lines" ? "\n" : SEPARATOR,
  };
}

/** Returns the end of the name of files with a layout, from the first dot on. */
export function layoutExtension(
  { kind: { container, compression, delimiter } }: RowLayout,
): string {
  const names = { jsonl: ".jsonl", json: ".json", text: ".txt" } as const;
  const table = delimiter === "\t" ? ".tsv" : ".csv";
  const name = container === "csv" ? table : names[container];
  return `${name}${{ gzip: ".gz", zstd: ".zst", none: "" }[compression ?? "none"]}`;
}

/**
 * Writes rows to a file, which appears whole.
 *
 * @throws {UserError} If it cannot be written.
 */
export async function writeInLayout(
  path: string,
  rows: AsyncIterable<RawRow>,
  layout: RowLayout,
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let count = 0;
  async function* counted(): AsyncGenerator<WritableRow, void> {
    for await (const { text, json = {} } of rows) {
      count++;
      yield text ?? json; // JSON as it is, because numbers may say more than we read of them
    }
  }
  await writeFileAtomic(path, async (sink) => {
    const hashed = {
      async write(bytes: Uint8Array) {
        hash.update(bytes);
        await sink.write(bytes);
      },
    };
    await writeRows(hashed, counted(), layout);
  });
  return { path, rows: count, sha256: hash.digest("hex") };
}
