/**
 * The draws of Python's `random.Random`: MT19937 (Matsumoto and Nishimura, 1998) seeded with a whole number, so that
 * examples of a task are those that lm-evaluation-harness draws.
 *
 * @module
 */

const SIZE = 624;
const SHIFT = 397;

/** Draws as Python does. */
export interface PythonRandom {
  /** Returns `count` different items of `population`, as `random.sample`. */
  sample<T>(population: readonly T[], count: number): T[];
}

/** Creates a generator in the state of `random.Random(seed)`; `seed` is a whole number from 0 to 2^32 - 1. */
export function createPythonRandom(seed: number): PythonRandom {
  const state = seededState(seed >>> 0);
  let at = SIZE;

  function word(): number {
    if (at === SIZE) {
      twist(state);
      at = 0;
    }
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  function below(n: number): number {
    const bits = 32 - Math.clz32(n);
    let value = word() >>> (32 - bits);
    while (value >= n) value = word() >>> (32 - bits);
    return value;
  }

  return {
    sample(population, count) {
      const n = population.length;
      if (count > n) {
        throw new RangeError(`Cannot sample ${count} of ${n} items`);
      }
      // Python's own rule of when a set of those drawn is smaller than a copy of the list
      const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
      if (n <= setSize) {
        const pool = [...population];
        return Array.from({ length: count }, (_, i) => {
          const j = below(n - i);
          const item = pool[j]!;
          pool[j] = pool[n - i - 1]!;
          return item;
        });
      }
      const drawn = new Set<number>();
      while (drawn.size < count) drawn.add(below(n));
      return [...drawn].map((j) => population[j]!);
    },
  };
}

/** `init_by_array` with the one word of a small seed. */
function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE);
  state[0] = 19650218;
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, mixed(state[i - 1]!)) + i;
  let i = 1;
  for (let k = 0; k < SIZE; k++) {
    state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1664525)) + seed;
    if (++i === SIZE) {
      state[0] = state[SIZE - 1]!;
      i = 1;
    }
  }
  for (let k = 0; k < SIZE - 1; k++) {
    state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1566083941)) - i;
    if (++i === SIZE) {
      state[0] = state[SIZE - 1]!;
      i = 1;
    }
  }
  state[0] = 0x80000000;
  return state;
}

function mixed(word: number): number {
  return word ^ (word >>> 30);
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < SIZE; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff);
    state[i] = state[(i + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
