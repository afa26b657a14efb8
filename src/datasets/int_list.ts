/**
 * A list of 32-bit integers that grows.
 *
 * @module
 */

/** A list of 32-bit integers. */
export interface IntList {
  /** How many it holds. */
  readonly length: number;
  /** Adds integers at the end. */
  append(values: ArrayLike<number>): void;
  /** Returns what it holds. */
  toArray(): Int32Array;
  /** Returns what it holds without a copy; it holds until more is added. */
  view(): Int32Array;
}

/** Creates an empty list. */
export function createIntList(): IntList {
  let items = new Int32Array(1024);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(values) {
      if (length + values.length > items.length) {
        const larger = new Int32Array(Math.max(2 * items.length, length + values.length));
        larger.set(items.subarray(0, length));
        items = larger;
      }
      items.set(values, length);
      length += values.length;
    },
    toArray: () => items.slice(0, length),
    view: () => items.subarray(0, length),
  };
}
