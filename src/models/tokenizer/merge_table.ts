/**
 * Which pairs of tokens merge, and into what: a hash table over flat arrays, because a map of numbers that are no small
 * integers takes several times as long to build and to read.
 *
 * @module
 */

/** Merges by the two tokens that they join. */
export interface MergeTable {
  /** Returns the rank of the merge of `left` and `right`, −1 if there is none. */
  rankOf(left: number, right: number): number;
  /** Id of the token that the merge of each rank makes. */
  readonly mergedIds: Int32Array;
}

/** Where merges are read from: of the merge of rank `i`, the ids of both tokens and of what they make. */
export interface MergeList {
  /** Left tokens. */
  readonly left: Int32Array;
  /** Right tokens. */
  readonly right: Int32Array;
  /** What they make. */
  readonly merged: Int32Array;
}

const NONE = -1;

/** Creates a table; of a pair that is listed twice, the last one counts. */
export function createMergeTable({ left, right, merged }: MergeList): MergeTable {
  let size = 16;
  while (size < 2 * left.length) size *= 2;
  const mask = size - 1;
  const lefts = new Int32Array(size).fill(NONE);
  const rights = new Int32Array(size);
  const ranks = new Int32Array(size);

  for (let rank = 0; rank < left.length; rank++) {
    const slot = slotOf(left[rank]!, right[rank]!);
    lefts[slot] = left[rank]!;
    rights[slot] = right[rank]!;
    ranks[slot] = rank;
  }

  /** Returns where a pair is or would be. */
  function slotOf(a: number, b: number): number {
    // Knuth's multiplicative hash, of which the upper bits are good
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (lefts[slot] !== NONE && (lefts[slot] !== a || rights[slot] !== b)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  return {
    mergedIds: merged,
    rankOf(a, b) {
      const slot = slotOf(a, b);
      return lefts[slot] === NONE ? NONE : ranks[slot]!;
    },
  };
}
