/**
 * Several sources written as one text: `a.jsonl,b.parquet:0.3`.
 *
 * @module
 */

import { joinPaths, resolvePaths, splitPaths } from "../../utils/path_list.ts";
import type { DataSource } from "./data_file.ts";

/**
 * Parses a list of files and folders, separated by commas, each of them perhaps followed by a colon and its weight. A
 * name that holds a comma or ends like a weight is taken for itself where there is such a file, as seen from `folder`.
 *
 * @throws {UserError} If a weight is not above 0, or the list is empty.
 */
export function parseSources(list: string, folder = "."): Promise<readonly DataSource[]> {
  return Promise.try(() => splitPaths(list, folder));
}

/** Writes sources as {@linkcode parseSources} reads them. */
export function formatSources(sources: readonly DataSource[]): string {
  return joinPaths(sources);
}

/** Returns the list with each path made absolute, as seen from `folder`. */
export function resolveSources(list: string, folder: string): Promise<string> {
  return Promise.try(() => resolvePaths(list, folder));
}
