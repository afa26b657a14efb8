/**
 * How much of a prompt is read at once, so that its tokens are rounded alike however it is divided: the attention kernel
 * for caches in place takes queries in blocks of a multiple of 16, and one that is left over by itself takes another path
 * than those beside others.
 *
 * @module
 */

/** Divides the lengths of the kernel's blocks. */
const BLOCK = 16;

/**
 * Returns how many of `left` tokens to read, about `most` at most: never one by itself, as the whole, as what is left over
 * of a block or as what remains for later, unless there is but one.
 */
export function pieceLength(left: number, most: number): number {
  for (let length = Math.min(left, most); length > 1; length--) {
    if (length % BLOCK !== 1 && left - length !== 1) return length;
  }
  return left <= 3 ? left : 2;
}
