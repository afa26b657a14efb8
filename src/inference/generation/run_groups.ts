/**
 * Which rows are read together in one run.
 *
 * @module
 */

import type { CacheRow } from "./sequence_cache.ts";

/** The most tokens of prompts that are planned at once; the scores of all of them are in memory together. */
export const PREFILL_TOKENS = 512;

/** The most that CPUs read in one run: what more tokens make does not stay in their caches, and takes a tenth longer. */
export const CPU_RUN_TOKENS = 256;

/** A prompt joins longer ones only if it is at least so much of their length: shorter ones are filled up. */
const LEAST_SHARE = 0.7;

/** Options of {@linkcode groupRuns}. */
export interface GroupOptions {
  /** Whether one run can read some rows. */
  readonly canRun: (rows: readonly CacheRow[]) => boolean;
  /** The most tokens of prompts in a run. */
  readonly maxTokens: number;
}

/** Returns `rows` in groups that one run reads each: all rows of one token, and prompts of about the same length. */
export function groupRuns(
  rows: readonly CacheRow[],
  { canRun, maxTokens }: GroupOptions,
): CacheRow[][] {
  const single = rows.filter(({ ids }) => ids.length === 1);
  const longer = rows.filter(({ ids }) => ids.length > 1)
    .toSorted((a, b) => b.ids.length - a.ids.length);
  const groups: CacheRow[][] = [];
  const place = (row: CacheRow): void => {
    const group = groups.at(-1);
    if (group !== undefined) {
      const length = group[0]!.ids.length;
      const fits = length * (group.length + 1) <= maxTokens || length === 1;
      const alike = row.ids.length >= LEAST_SHARE * length;
      if (fits && alike && canRun([...group, row])) {
        group.push(row);
        return;
      }
    }
    groups.push([row]);
  };
  for (const row of longer) place(row);
  for (const row of single) place(row);
  return groups;
}
