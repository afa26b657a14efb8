/**
 * Several sources written as one text: `a.jsonl,b.parquet:0.3`.
 *
 * @module
 */

import { lstat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import type { DataSource } from "./data_file.ts";

/**
 * Parses a list of files and folders, separated by commas, each of them perhaps followed by a colon and its weight. A
 * name that holds a comma or ends like a weight is taken for itself where there is such a file, as seen from `folder`.
 *
 * @throws {UserError} If a weight is not above 0, or the list is empty.
 */
export async function parseSources(
  list: string,
  folder = ".",
): Promise<readonly DataSource[]> {
  const pieces = list.split(",");
  const sources: DataSource[] = [];
  for (let start = 0; start < pieces.length;) {
    const { source, end } = await longestSource(pieces, { start, folder });
    if (source.path !== "") sources.push(source);
    start = end;
  }
  if (sources.length === 0) {
    throw new UserError(`Cannot read data from "${list}": it names no file`);
  }
  return sources;
}

/** Writes sources as {@linkcode parseSources} reads them. */
export function formatSources(sources: readonly DataSource[]): string {
  return sources.map(({ path, weight }) => weight === 1 ? path : `${path}:${weight}`).join(",");
}

/** Returns the list with each path made absolute, as seen from `folder`. */
export async function resolveSources(list: string, folder: string): Promise<string> {
  const sources = await parseSources(list, folder);
  return formatSources(sources.map((each) => ({ ...each, path: resolve(folder, each.path) })));
}

async function longestSource(
  pieces: readonly string[],
  { start, folder }: { readonly start: number; readonly folder: string },
): Promise<{ readonly source: DataSource; readonly end: number }> {
  for (let end = pieces.length; end > start; end--) {
    const text = pieces.slice(start, end).join(",").trim();
    if (text === "") continue;
    const weighted = weightedSource(text);
    if (await exists(resolve(folder, text))) return { source: { path: text, weight: 1 }, end };
    if (end === start + 1) return { source: weighted ?? { path: text, weight: 1 }, end };
    if (weighted !== undefined && await exists(resolve(folder, weighted.path))) {
      return { source: weighted, end };
    }
  }
  return { source: { path: "", weight: 1 }, end: start + 1 };
}

function weightedSource(text: string): DataSource | undefined {
  const match = /^(.+):(\d+(?:\.\d*)?|\.\d+)$/s.exec(text);
  if (match === null) return undefined;
  const weight = Number(match[2]);
  if (weight > 0 && Number.isFinite(weight)) return { path: match[1]!, weight };
  throw new UserError(
    `Cannot read data from "${text}" as the weight behind the colon must be above 0: current value is ${weight}`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
