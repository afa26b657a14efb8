/**
 * Where generated rows come from, so that they can be made again and told from others.
 *
 * @module
 */

import type { RowFormat } from "./rows.ts";

/** What is known of a file of generated rows. */
export interface RowsLineage {
  /** How the skill was named. */
  readonly skill: string;
  /** Name of the skill. */
  readonly name: string;
  /** How hard the rows are. */
  readonly level: number;
  /** The seed. */
  readonly seed: number;
  /** How many rows. */
  readonly count: number;
  /** Form of the rows. */
  readonly format: RowFormat;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
  /** The program that made them, with its version. */
  readonly generator: string;
  /** When, in ISO 8601. */
  readonly created: string;
}

/** Returns the name of the file that says where the rows of `path` come from. */
export function lineageOf(path: string): string {
  return `${path}.lineage.json`;
}
