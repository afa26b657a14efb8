/**
 * Which rows of several files are held out: whole groups, so that nothing alike is on both sides, and of each file its
 * share.
 *
 * @module
 */

import { createRandom, deriveSeed, shuffled } from "../utils/random.ts";

/** Groups of rows that must not be parted. */
export interface RowGroups {
  /** For each group the file that it is counted for. */
  readonly files: Int32Array;
  /** For each group its rows. */
  readonly rows: Int32Array;
}

/** Options of {@linkcode chooseGroups}. */
export interface ChooseGroupsOptions {
  /** How many rows are wanted. */
  readonly rows: number;
  /** Decides which. */
  readonly seed: number;
}

/** Sets the choice apart from other uses of a seed. */
const CHOICE_STREAM = 0x5b118;

/**
 * Returns 1 for each group that is chosen, 0 for the others. A file's groups are taken in random order while they fit into the
 * file's share; what is then missing is made up from any file. Fewer rows than wanted are chosen where groups are too
 * large, but never more.
 */
export function chooseGroups(
  groups: RowGroups,
  { rows: wanted, seed }: ChooseGroupsOptions,
): Uint8Array {
  const { files, rows } = groups;
  const chosen = new Uint8Array(rows.length);
  const order = shuffled(rows.keys(), createRandom(deriveSeed(seed, CHOICE_STREAM)));
  const shares = sharesOf(groups, wanted);
  let missing = wanted;
  for (const index of order) {
    const file = files[index]!;
    if (rows[index]! > shares[file]!) continue;
    chosen[index] = 1;
    shares[file]! -= rows[index]!;
    missing -= rows[index]!;
  }
  for (const index of order) {
    if (chosen[index] === 1 || rows[index]! > missing) continue;
    chosen[index] = 1;
    missing -= rows[index]!;
  }
  return chosen;
}

/** Shares in proportion to the files' rows, rounded so that they come to `wanted` (largest remainders). */
function sharesOf({ files, rows }: RowGroups, wanted: number): number[] {
  const counts: number[] = [];
  for (let group = 0; group < files.length; group++) {
    const file = files[group]!;
    counts[file] = (counts[file] ?? 0) + rows[group]!;
  }
  const all = Array.from(counts, (count) => count ?? 0);
  const total = all.reduce((sum, count) => sum + count, 0);
  const exact = all.map((count) => total === 0 ? 0 : wanted * count / total);
  const shares = exact.map(Math.floor);
  const left = wanted - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact.map((share, file) => ({ file, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.file - b.file);
  for (const { file } of byRemainder.slice(0, left)) shares[file]!++;
  return shares;
}
