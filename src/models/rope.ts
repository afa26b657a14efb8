/**
 * Rotary position embeddings: the angle of each position, and the tables of angles that graphs read.
 *
 * @module
 */

import { type Tensor, tensor } from "../engine/tensor/tensor.ts";

/** Every kind of frequency scaling. */
export const ROPE_TYPES = ["default", "linear", "llama3", "yarn", "longrope"] as const;

/** Frequency scaling of rotary position embeddings. */
export type RopeConfig =
  | { readonly type: "default"; readonly theta: number }
  | { readonly type: "linear"; readonly theta: number; readonly factor: number }
  | {
    readonly type: "llama3";
    readonly theta: number;
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositions: number;
  }
  | {
    readonly type: "yarn";
    readonly theta: number;
    readonly factor: number;
    readonly betaFast: number;
    readonly betaSlow: number;
    /** Whether the pairs between which frequencies are interpolated are whole numbers. */
    readonly truncate: boolean;
    readonly originalMaxPositions: number;
    /** Factor of cosines and sines. */
    readonly attentionFactor: number;
  }
  | {
    readonly type: "longrope";
    readonly theta: number;
    /** What each frequency is divided by, up to `originalMaxPositions`. */
    readonly shortFactor: readonly number[];
    readonly originalMaxPositions: number;
    /** Factor of cosines and sines. */
    readonly attentionFactor: number;
  };

/** Returns the angle per position of each pair of elements of a head, in radians; `rotaryDim / 2` numbers. */
export function ropeFrequencies(rope: RopeConfig, rotaryDim: number): Float64Array {
  const frequencies = Float64Array.from(
    { length: rotaryDim / 2 },
    (_, i) => rope.theta ** (-2 * i / rotaryDim),
  );
  switch (rope.type) {
    case "default":
      return frequencies;
    case "linear":
      return frequencies.map((frequency) => frequency / rope.factor);
    case "llama3":
      return llama3Frequencies(rope, frequencies);
    case "yarn":
      return yarnFrequencies(rope, frequencies);
    case "longrope":
      return frequencies.map((frequency, i) => frequency / rope.shortFactor[i]!);
  }
}

/** Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between interpolated. */
function llama3Frequencies(
  rope: RopeConfig & { readonly type: "llama3" },
  frequencies: Float64Array,
): Float64Array {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
  return frequencies.map((frequency) => {
    const turns = originalMaxPositions * frequency / (2 * Math.PI);
    if (turns > highFreqFactor) return frequency;
    if (turns < lowFreqFactor) return frequency / factor;
    const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  });
}

/** YaRN: the same idea, interpolated between the pairs that turn `betaFast` and `betaSlow` times. */
function yarnFrequencies(
  rope: RopeConfig & { readonly type: "yarn" },
  frequencies: Float64Array,
): Float64Array {
  const { theta, factor, betaFast, betaSlow, truncate, originalMaxPositions } = rope;
  const dim = 2 * frequencies.length;
  const pairThatTurns = (times: number): number =>
    dim * Math.log(originalMaxPositions / (times * 2 * Math.PI)) / (2 * Math.log(theta));
  const [fast, slow] = [pairThatTurns(betaFast), pairThatTurns(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, dim - 1);
  // As transformers keeps from dividing by zero.
  const width = high === low ? 0.001 : high - low;
  return frequencies.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / width, 0), 1);
    return stretched * frequency / factor + (1 - stretched) * frequency;
  });
}

/** What angle tables are made from. */
export interface RopeAngles {
  /** Angle per position of each pair, in radians. */
  readonly frequencies: Float64Array;
  /** Factor of cosines and sines: other than 1, it makes attention sharper or softer. */
  readonly attentionFactor: number;
}

/** Returns the angles of `rope` where `rotaryDim` elements of each head are rotated. */
export function ropeAngles(rope: RopeConfig, rotaryDim: number): RopeAngles {
  return {
    frequencies: ropeFrequencies(rope, rotaryDim),
    attentionFactor: "attentionFactor" in rope ? rope.attentionFactor : 1,
  };
}

/** Cosines and sines of the angles of a list of positions. */
export interface AngleTables {
  /** float32 [positions, rotaryDim / 2]. */
  readonly cos: Tensor<"float32">;
  /** float32 [positions, rotaryDim / 2]. */
  readonly sin: Tensor<"float32">;
}

/** Returns the angle tables of `positions`. */
export function angleTables(
  { frequencies, attentionFactor }: RopeAngles,
  positions: ArrayLike<number>,
): AngleTables {
  const half = frequencies.length;
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = positions[row]! * frequencies[i]!;
      cos[row * half + i] = Math.cos(angle) * attentionFactor;
      sin[row * half + i] = Math.sin(angle) * attentionFactor;
    }
  }
  const shape = [positions.length, half];
  return { cos: tensor("float32", shape, cos), sin: tensor("float32", shape, sin) };
}
