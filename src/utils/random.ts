/**
 * Seeded randomness that can be saved and continued: xoshiro128** (Blackman and Vigna, 2018), its state
 * filled by splitmix32.
 *
 * @module
 */

import { array, decodeError, type Decoder, integer, nullable, number, object } from "./json.ts";

/** Where a generator stands; plain JSON. */
export interface RandomState {
  /** The four 32-bit words of xoshiro128**. */
  readonly words: readonly number[];
  /** The second normal number of the last pair, if it has not been given out. */
  readonly spareNormal: number | null;
}

/** A generator of pseudo-random numbers. */
export interface Random {
  /** Returns a number in [0, 1) with 53 random bits. */
  next(): number;
  /** Returns 32 random bits, as a whole number that is not negative. */
  word(): number;
  /** Returns a whole number in [0, `n`), each equally likely; `n` is from 1 to 2^32. */
  integer(n: number): number;
  /** Returns a number of the standard normal distribution. */
  normal(): number;
  /** Returns where the generator stands. */
  state(): RandomState;
}

/** Creates a generator from a whole number, or one that continues from a saved state. */
export function createRandom(seed: number | RandomState): Random {
  const words = Uint32Array.from(typeof seed === "number" ? seedWords(seed) : seed.words);
  let spareNormal = typeof seed === "number" ? null : seed.spareNormal;

  const next = (): number => {
    const high = nextWord(words) >>> 5;
    return (high * 2 ** 26 + (nextWord(words) >>> 6)) / 2 ** 53;
  };

  return {
    next,
    word: () => nextWord(words),
    integer(n) {
      if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
        throw new RangeError(
          `Cannot draw a whole number as "n" must be from 1 to 2^32: current value is ${n}`,
        );
      }
      // words from the incomplete last multiple of n are refused: they would favour small numbers
      const limit = 2 ** 32 - (2 ** 32 % n);
      let word = nextWord(words);
      while (word >= limit) word = nextWord(words);
      return word % n;
    },
    normal() {
      if (spareNormal !== null) {
        const spare = spareNormal;
        spareNormal = null;
        return spare;
      }
      // Box and Muller: radius and angle of a point of the two-dimensional normal distribution
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      spareNormal = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    state: () => ({ words: [...words], spareNormal }),
  };
}

/** Returns a seed for the part `index` of something seeded with `seed`, unrelated to its neighbours'. */
export function deriveSeed(seed: number, index: number): number {
  return splitmix32(splitmix32(wordOf(seed)) ^ wordOf(index));
}

/** Returns a copy of `items` in random order, each order equally likely (Fisher and Yates). */
export function shuffled<T>(items: Iterable<T>, random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** Decodes a {@linkcode RandomState}. */
export function randomState(): Decoder<RandomState> {
  const fields = object<RandomState>({
    words: array(integer({ min: 0, max: 2 ** 32 - 1 })),
    spareNormal: nullable(number()),
  });
  return (value, place) => {
    const state = fields(value, place);
    if (state.words.length === 4 && state.words.some((word) => word !== 0)) return state;
    throw decodeError(
      { ...place, key: `${place.key}.words` },
      "four words, not all 0",
      state.words,
    );
  };
}

/** One step of xoshiro128**, as its authors' C code has it. */
function nextWord(words: Uint32Array): number {
  const result = Math.imul(rotateLeft(Math.imul(words[1]!, 5), 7), 9) >>> 0;
  const shifted = words[1]! << 9;
  words[2]! ^= words[0]!;
  words[3]! ^= words[1]!;
  words[1]! ^= words[2]!;
  words[0]! ^= words[3]!;
  words[2]! ^= shifted;
  words[3] = rotateLeft(words[3]!, 11);
  return result;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

const GOLDEN_RATIO = 0x9e3779b9;

function seedWords(seed: number): number[] {
  const start = wordOf(seed);
  return [0, 1, 2, 3].map((i) => splitmix32(start + Math.imul(i, GOLDEN_RATIO)));
}

/** The output of splitmix32 whose state is `state`, before its own increment. */
function splitmix32(state: number): number {
  let z = (state + GOLDEN_RATIO) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** Folds a safe integer into 32 bits; those from 0 to 2^32 - 1 stay as they are. */
function wordOf(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(
      `Cannot seed as the seed must be a whole number below 2^53: current value is ${value}`,
    );
  }
  const high = Math.floor(value / 2 ** 32);
  return (value ^ (high === 0 ? 0 : splitmix32(high))) >>> 0;
}
