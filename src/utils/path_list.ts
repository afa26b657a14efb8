/**
 * Several files and folders written as one text: `a.jsonl,b.parquet:0.3`.
 *
 * @module
 */

import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "./errors.ts";

/** A file or folder of a list. */
export interface ListedPath {
  /** The file or folder. */
  readonly path: string;
  /** The number behind its colon; 1 where there is none. */
  readonly weight: number;
}

/**
 * Splits a list at its commas; a name may be followed by a colon and its weight. A name that holds a comma or ends like
 * a weight is taken for itself where there is such a file, as seen from `folder`.
 *
 * @throws {UserError} If a weight is not above 0, or the list is empty.
 */
export function splitPaths(list: string, folder = "."): readonly ListedPath[] {
  const pieces = list.split(",");
  const paths: ListedPath[] = [];
  for (let start = 0; start < pieces.length;) {
    const { found, end } = longestPath(pieces, { start, folder });
    if (found !== undefined && !(found.weight > 0 && Number.isFinite(found.weight))) {
      throw new UserError(
        `Cannot read data from "${found.path}:${found.weight}" as the weight behind the colon must be above 0: ` +
          `current value is ${found.weight}`,
      );
    }
    if (found !== undefined) paths.push(found);
    start = end;
  }
  if (paths.length === 0) throw new UserError(`Cannot read data from "${list}": it names no file`);
  return paths;
}

/** Writes a list as {@linkcode splitPaths} reads it. */
export function joinPaths(paths: readonly ListedPath[]): string {
  return paths.map(({ path, weight }) => weight === 1 ? path : `${path}:${weight}`).join(",");
}

/** Returns the list with each path made absolute, as seen from `folder`; `home` stands for `~`. */
export function resolvePaths(list: string, folder: string, home?: string): string {
  return joinPaths(
    splitPaths(list, folder).map(({ path, weight }) => ({
      path: home !== undefined && path.startsWith("~/")
        ? resolve(home, path.slice(2))
        : resolve(folder, path),
      weight,
    })),
  );
}

function longestPath(
  pieces: readonly string[],
  { start, folder }: { readonly start: number; readonly folder: string },
): { readonly found: ListedPath | undefined; readonly end: number } {
  for (let end = pieces.length; end > start; end--) {
    const text = pieces.slice(start, end).join(",").trim();
    if (text === "") continue;
    if (exists(resolve(folder, text))) return { found: { path: text, weight: 1 }, end };
    const weighted = weightedPath(text);
    if (end === start + 1) return { found: weighted ?? { path: text, weight: 1 }, end };
    if (weighted !== undefined && exists(resolve(folder, weighted.path))) {
      return { found: weighted, end };
    }
  }
  return { found: undefined, end: start + 1 };
}

function weightedPath(text: string): ListedPath | undefined {
  const match = /^(.+):(\d+(?:\.\d*)?|\.\d+)$/s.exec(text);
  if (match === null) return undefined;
  return { path: match[1]!, weight: Number(match[2]) };
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
