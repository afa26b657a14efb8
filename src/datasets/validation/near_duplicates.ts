/**
 * Texts that are nearly the same: MinHash signatures of their character 5-grams (Broder, 1997), looked up by bands.
 *
 * @module
 */

import { createHashIndex, fingerprint } from "./hash_index.ts";

/** A text that is nearly another. */
export interface NearMatch {
  /** What the earlier text was added with. */
  readonly value: number;
  /** Estimated share of 5-grams that the two have in common: 1 where they differ in case and punctuation only. */
  readonly similarity: number;
}

/** Remembers signatures of texts: 64 bytes and eight places in tables for each. */
export interface NearDuplicateIndex {
  /** Whether texts were no longer remembered, because there were too many. */
  readonly isFull: boolean;
  /** Returns an earlier text that is nearly `text`. */
  find(text: string): NearMatch | undefined;
  /** Returns an earlier text that is nearly `text`, or remembers this one. */
  add(text: string, value: number): NearMatch | undefined;
}

/** Options of {@linkcode createNearDuplicateIndex}. */
export interface NearDuplicateOptions {
  /** Smallest similarity that counts. @default {0.8} */
  readonly threshold?: number;
  /** Most texts to remember. @default {500_000} */
  readonly maxTexts?: number;
}

const GRAM = 5;
const BANDS = 8;
const ROWS_OF_BAND = 4;
const HASHES = BANDS * ROWS_OF_BAND;

/** Creates an empty index. */
export function createNearDuplicateIndex(options: NearDuplicateOptions = {}): NearDuplicateIndex {
  const { threshold = 0.8, maxTexts = 500_000 } = options;
  const bands = Array.from({ length: BANDS }, () => createHashIndex());
  let signatures = new Uint16Array(1024 * HASHES);
  let numbers = new Uint32Array(1024);
  let values = new Float64Array(1024);
  let size = 0;

  const match = (sketch: Sketch, candidate: number): NearMatch | undefined => {
    // the same sentence about other numbers is another question
    if (numbers[candidate] !== sketch.numbers) return undefined;
    let same = 0;
    for (let i = 0; i < HASHES; i++) {
      if (signatures[candidate * HASHES + i] === (sketch.minima[i]! & 0xffff)) same++;
    }
    const similarity = same / HASHES;
    return similarity >= threshold ? { value: values[candidate]!, similarity } : undefined;
  };
  const search = (sketch: Sketch): NearMatch | undefined => {
    for (let band = 0; band < BANDS; band++) {
      const candidate = bands[band]!.get(bandKey(sketch, band));
      const found = candidate === undefined ? undefined : match(sketch, candidate);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const remember = (sketch: Sketch, value: number) => {
    if (size === values.length) {
      signatures = grown(signatures, new Uint16Array(2 * signatures.length));
      numbers = grown(numbers, new Uint32Array(2 * numbers.length));
      values = grown(values, new Float64Array(2 * values.length));
    }
    for (let i = 0; i < HASHES; i++) signatures[size * HASHES + i] = sketch.minima[i]! & 0xffff;
    numbers[size] = sketch.numbers;
    values[size] = value;
    for (let band = 0; band < BANDS; band++) bands[band]!.put(bandKey(sketch, band), size);
    size++;
  };

  return {
    get isFull() {
      return size >= maxTexts;
    },
    find(text) {
      const sketch = sketchOf(text);
      return sketch === undefined ? undefined : search(sketch);
    },
    add(text, value) {
      const sketch = sketchOf(text);
      if (sketch === undefined) return undefined;
      const found = search(sketch);
      if (found === undefined && size < maxTexts) remember(sketch, value);
      return found;
    },
  };
}

/** What is compared of a text. */
interface Sketch {
  /** The smallest hash of its 5-grams, by each of 32 hash functions. */
  readonly minima: Uint32Array;
  /** A hash of the numbers in it. */
  readonly numbers: number;
}

/** Texts with fewer 5-grams are too short for shares of them to say anything. */
const MIN_GRAMS = 20;

function sketchOf(text: string): Sketch | undefined {
  const normal = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  const count = normal.length - GRAM + 1;
  if (count < MIN_GRAMS) return undefined;
  const minima = new Uint32Array(HASHES).fill(0xffffffff);
  for (let start = 0; start < count; start++) {
    let gram = 0x811c9dc5; // FNV-1a
    for (let i = start; i < start + GRAM; i++) {
      gram = Math.imul(gram ^ normal.charCodeAt(i), 0x01000193);
    }
    for (let i = 0; i < HASHES; i++) {
      let mixed = Math.imul(gram ^ MULTIPLIERS[i]!, 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
      mixed = (mixed ^ (mixed >>> 13)) >>> 0;
      if (mixed < minima[i]!) minima[i] = mixed;
    }
  }
  const [numbers] = fingerprint((normal.match(/\p{N}+/gu) ?? []).join(" "));
  return { minima, numbers };
}

/** Different words, one for each hash function. */
const MULTIPLIERS = Uint32Array.from({ length: HASHES }, (_, i) => Math.imul(i + 1, 0x9e3779b9));

function bandKey({ minima }: Sketch, band: number): readonly [number, number] {
  let [high, low] = [0x811c9dc5, band + 1];
  for (let i = band * ROWS_OF_BAND; i < (band + 1) * ROWS_OF_BAND; i++) {
    high = Math.imul(high ^ minima[i]!, 0x01000193);
    low = Math.imul(low ^ minima[i]!, 0x85ebca6b);
    low ^= low >>> 13;
  }
  return [high >>> 0, low >>> 0];
}

function grown<T extends Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
