/**
 * What the routes of the API of fine-tuning share.
 *
 * @module
 */

import type { PathContext } from "../../../utils/paths.ts";
import type { DaemonContext } from "../context.ts";
import type { FileTable } from "../file_table.ts";

/** What the routes of the API of fine-tuning share. */
export interface ApiContext extends Omit<DaemonContext, "persist"> {
  /** The files. */
  readonly files: FileTable;
  /** How models are found: in the home alone. */
  readonly models: PathContext;
  /** Tells the daemon that there may be something to do. */
  readonly wake: () => void;
}

/** Returns a time in seconds, as the API has them. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
