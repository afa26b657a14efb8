/**
 * Ranges of code points as ranges of UTF-8 bytes.
 *
 * @module
 */

import type { CodePoints } from "./grammar.ts";

/** Bytes from the first to the second, both included. */
export type Bytes = readonly [from: number, to: number];

/** The last code point of each length in bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

const SURROGATES: CodePoints = [0xd800, 0xdfff];

/** Returns the sequences of byte ranges that spell the code points of a range; surrogates have none. */
export function utf8Ranges([from, to]: CodePoints): Bytes[][] {
  if (from > to) return [];
  const [low, high] = SURROGATES;
  if (from <= high && to >= low) {
    return [...utf8Ranges([from, low - 1]), ...utf8Ranges([high + 1, to])];
  }
  for (const last of LAST_OF_LENGTH) {
    if (from <= last && to > last) {
      return [...utf8Ranges([from, last]), ...utf8Ranges([last + 1, to])];
    }
  }
  const length = LAST_OF_LENGTH.findIndex((last) => to <= last) + 1;
  for (let tail = 1; tail < length; tail++) {
    const mask = 2 ** (6 * tail) - 1;
    // bytes behind the first that differ must run through all that there are
    if (Math.floor(from / (mask + 1)) === Math.floor(to / (mask + 1))) continue;
    if (from % (mask + 1) !== 0) {
      const end = from - from % (mask + 1) + mask;
      return [...utf8Ranges([from, end]), ...utf8Ranges([end + 1, to])];
    }
    if (to % (mask + 1) !== mask) {
      const begin = to - to % (mask + 1);
      return [...utf8Ranges([from, begin - 1]), ...utf8Ranges([begin, to])];
    }
  }
  const first = encode(from);
  const last = encode(to);
  return [Array.from(first, (byte, i): Bytes => [byte, last[i]!])];
}

function encode(point: number): Uint8Array {
  return new TextEncoder().encode(String.fromCodePoint(point));
}
