/**
 * Rotary position embeddings: the frequencies that `config.json` asks for, in both of its spellings, and the tables
 * of angles made from them.
 *
 * @module
 */

import { type Tensor, tensor } from "../engine/tensor/tensor.ts";
import { ConfigReader } from "./config.ts";

/** Every kind of frequency scaling. */
export const ROPE_TYPES = ["default", "linear", "llama3"] as const;

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
  };

/** Reads `rope_parameters`, or `rope_theta` and `rope_scaling` as they were spelled before. */
export function readRope(config: ConfigReader, defaultTheta: number): RopeConfig {
  const parameters = config.object("rope_parameters");
  const scaling = config.object("rope_scaling");
  const outerTheta = config.number("rope_theta", defaultTheta);
  const json = parameters ?? scaling ?? {};
  const reader = new ConfigReader(
    json,
    `${parameters ? "rope_parameters" : "rope_scaling"} in config.json`,
  );
  const theta = reader.number("rope_theta", outerTheta);
  const type = json["rope_type"] ?? json["type"] ?? "default";
  reader.ignore("rope_type", "type");
  const rope = readScaling(reader, { type, theta });
  reader.finish();
  return rope;
}

function readScaling(
  reader: ConfigReader,
  { type, theta }: { readonly type: unknown; readonly theta: number },
): RopeConfig {
  switch (type) {
    case "default":
      return { type, theta };
    case "linear":
      return { type, theta, factor: reader.number("factor") };
    case "llama3":
      return {
        type,
        theta,
        factor: reader.number("factor"),
        lowFreqFactor: reader.number("low_freq_factor"),
        highFreqFactor: reader.number("high_freq_factor"),
        originalMaxPositions: reader.integer("original_max_position_embeddings"),
      };
  }
  return reader.fail("rope_type", `is supported only as ${ROPE_TYPES.join(", ")}`);
}

/** Returns the angle per position of each pair of elements of a head, in radians; `headDim / 2` numbers. */
export function ropeFrequencies(rope: RopeConfig, headDim: number): Float64Array {
  const frequencies = Float64Array.from(
    { length: headDim / 2 },
    (_, i) => rope.theta ** (-2 * i / headDim),
  );
  if (rope.type === "linear") return frequencies.map((frequency) => frequency / rope.factor);
  if (rope.type === "default") return frequencies;
  // Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
  return frequencies.map((frequency) => {
    const turns = originalMaxPositions * frequency / (2 * Math.PI);
    if (turns > highFreqFactor) return frequency;
    if (turns < lowFreqFactor) return frequency / factor;
    const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  });
}

/** Cosines and sines of the angles of a list of positions. */
export interface AngleTables {
  /** float32 [positions, headDim / 2]. */
  readonly cos: Tensor<"float32">;
  /** float32 [positions, headDim / 2]. */
  readonly sin: Tensor<"float32">;
}

/** Returns the angle tables of `positions`. */
export function angleTables(
  frequencies: Float64Array,
  positions: ArrayLike<number>,
): AngleTables {
  const half = frequencies.length;
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = positions[row]! * frequencies[i]!;
      cos[row * half + i] = Math.cos(angle);
      sin[row * half + i] = Math.sin(angle);
    }
  }
  const shape = [positions.length, half];
  return { cos: tensor("float32", shape, cos), sin: tensor("float32", shape, sin) };
}
