/**
 * What a data set is read from: sources that a person names, and the files that they are.
 *
 * @module
 */

import type { DataFormat, FormatChoice } from "../formats.ts";

/** A file or a folder of files, and how much of it is trained on. */
export interface DataSource {
  /** The file or folder. */
  readonly path: string;
  /** How often its rows are trained on in an epoch: 0.5 for half of them, 2 for each of them twice. */
  readonly weight: number;
}

/** How the rows lie in a file. */
export const CONTAINERS = ["jsonl", "json", "csv", "parquet", "text"] as const;

/** How the rows lie in a file. */
export type Container = (typeof CONTAINERS)[number];

/** How a file is compressed. */
export type Compression = "gzip" | "zstd";

/** A file of a data set, and what was found out of its beginning. */
export interface DataFile {
  /** The file. */
  readonly path: string;
  /** Which of the sources it belongs to, counted from 0. */
  readonly source: number;
  /** How often its rows are trained on in an epoch. */
  readonly weight: number;
  /** How its rows lie in it. */
  readonly container: Container;
  /** How it is compressed. */
  readonly compression: Compression | undefined;
  /** Bytes of the file as it lies on disk. */
  readonly bytes: number;
  /** The form of most of its first rows; `undefined` if none of them has a known one. */
  readonly format: DataFormat | undefined;
  /** The forms of its first rows: one, unless so many rows are of another that they can't be mistakes. */
  readonly formats: readonly DataFormat[];
  /** What its rows are read as: the form that was asked for, or the one that was found. */
  readonly choice: FormatChoice;
  /** Whether the form was asked for, so that rows are not held against the one that was found. */
  readonly asked: boolean;
  /** The fields of its first rows. */
  readonly fields: readonly string[];
  /** Number of rows, where the file says it (Parquet). */
  readonly rows: number | undefined;
  /** The character between the fields of a table of text. */
  readonly delimiter: string | undefined;
  /** How plain text is cut into rows. */
  readonly textRows: TextRows | undefined;
}

/** How plain text is cut into rows: at its lines, at `<|endoftext|>`, or not at all. */
export type TextRows = "lines" | "separator" | "document";
