/**
 * Where a text was seen first, by its hash: what is remembered of a row is 16 bytes, however long it is.
 *
 * @module
 */

import { hash } from "node:crypto";

/** 64 bits of a hash: two words. */
export type Fingerprint = readonly [high: number, low: number];

/** Remembers, for each fingerprint, what it was first seen with. */
export interface HashIndex {
  /** How many fingerprints it holds. */
  readonly size: number;
  /** Returns what the fingerprint was first seen with, or remembers `value` for it and returns `undefined`. */
  put(fingerprint: Fingerprint, value: number): number | undefined;
  /** Returns what the fingerprint was first seen with. */
  get(fingerprint: Fingerprint): number | undefined;
}

/** Returns the fingerprint of a text. Among 10 million texts two share one with a chance of 3 in a million. */
export function fingerprint(text: string): Fingerprint {
  const digest = hash("sha1", text, "buffer");
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** Creates an empty index; values are whole numbers below 2^53. */
export function createHashIndex(): HashIndex {
  let capacity = 1024;
  let size = 0;
  let keys = new Uint32Array(2 * capacity);
  let values = new Float64Array(capacity).fill(EMPTY);

  /** The slot of a fingerprint, or the free one where it belongs. */
  const slotOf = ([high, low]: Fingerprint): number => {
    const mask = capacity - 1;
    for (let slot = low & mask;; slot = (slot + 1) & mask) {
      if (values[slot] === EMPTY) return slot;
      if (keys[2 * slot] === high && keys[2 * slot + 1] === low) return slot;
    }
  };
  const grow = () => {
    const [oldKeys, oldValues] = [keys, values];
    capacity *= 2;
    keys = new Uint32Array(2 * capacity);
    values = new Float64Array(capacity).fill(EMPTY);
    for (let i = 0; i < oldValues.length; i++) {
      if (oldValues[i] === EMPTY) continue;
      const slot = slotOf([oldKeys[2 * i]!, oldKeys[2 * i + 1]!]);
      keys[2 * slot] = oldKeys[2 * i]!;
      keys[2 * slot + 1] = oldKeys[2 * i + 1]!;
      values[slot] = oldValues[i]!;
    }
  };
  const get = (key: Fingerprint): number | undefined => {
    const value = values[slotOf(key)]!;
    return value === EMPTY ? undefined : value;
  };

  return {
    get size() {
      return size;
    },
    get,
    put(key, value) {
      const known = get(key);
      if (known !== undefined) return known;
      if (2 * ++size > capacity) grow();
      const slot = slotOf(key);
      keys[2 * slot] = key[0];
      keys[2 * slot + 1] = key[1];
      values[slot] = value;
      return undefined;
    },
  };
}

const EMPTY = -1;
