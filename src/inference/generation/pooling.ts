/**
 * How the hidden states of a text's tokens become one vector.
 *
 * @module
 */

/** Every way: the state of the last token, the mean of all, or the state of the first. */
export const POOLINGS = ["last", "mean", "cls"] as const;

/** A way to make one vector of a text's hidden states. */
export type Pooling = (typeof POOLINGS)[number];

/** What can be asked for: a way, or the one that the model's folder names. */
export const POOLING_WISHES = ["auto", ...POOLINGS] as const;

/** What can be asked for. */
export type PoolingWish = (typeof POOLING_WISHES)[number];

/** Makes one vector of hidden states that come piece by piece. */
export interface Pooler {
  /** Takes the states of the next tokens, row-major [tokens, size]. */
  add(states: Float32Array): void;
  /** Returns the vector, of length 1. */
  finish(): Float32Array;
}

/** Returns a pooler of states of `size` numbers each. */
export function createPooler(pooling: Pooling, size: number): Pooler {
  const sum = new Float64Array(size);
  let isEmpty = true;
  return {
    add(states) {
      TAKE[pooling](sum, states, isEmpty);
      isEmpty = isEmpty && states.length === 0;
    },
    finish: () => unitVector(sum),
  };
}

/** Takes rows of states into a vector; all of `TAKE` leave a vector whose direction is the result's. */
type Take = (vector: Float64Array, states: Float32Array, isFirst: boolean) => void;

const TAKE: Readonly<Record<Pooling, Take>> = {
  last: (vector, states) => vector.set(states.subarray(states.length - vector.length)),
  // Not divided by the number of tokens: the length is made 1 in the end.
  mean: (vector, states) => {
    for (let i = 0; i < states.length; i++) vector[i % vector.length]! += states[i]!;
  },
  cls: (vector, states, isFirst) => {
    if (isFirst) vector.set(states.subarray(0, vector.length));
  },
};

/** Returns the vector of length 1 in the direction of `vector`; one without a direction stays as it is. */
export function unitVector(vector: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2;
  const factor = squares > 0 ? 1 / Math.sqrt(squares) : 1;
  return Float32Array.from(vector, (x) => x * factor);
}
