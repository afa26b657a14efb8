/**
 * The rotary position embeddings of a `config.json`, in both of its spellings, as GGUF files have them.
 *
 * @module
 */

import {
  ggufFloat32,
  ggufString,
  ggufUint32,
  type GgufValue,
} from "../../engine/tensor/gguf/metadata.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { llama3Factors, type Llama3Scaling } from "./rope_factors.ts";
import { ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT, ROPE_FREQS } from "./rope_from_gguf.ts";

/** What a `config.json` says of rotary position embeddings. */
export interface HubRope {
  /** Base of the frequencies. */
  readonly theta: number;
  /** Base of the frequencies of layers that see a window only, if it is another. */
  readonly localTheta: number | undefined;
  /** Kind of scaling. */
  readonly type: string;
  /** The numbers of the scaling. */
  readonly scaling: JsonObject;
}

/** Metadata and tensors that say the same. */
export interface GgufRope {
  /** Metadata, by the key behind the architecture. */
  readonly entries: readonly (readonly [key: string, value: GgufValue])[];
  /** Tensors, by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** Options of {@linkcode ropeToGguf}. */
export interface RopeToGgufOptions {
  /** How many elements of a head are rotated. */
  readonly rotaryDim: number;
  /** The longest context. */
  readonly maxPositions: number;
  /** The context before it was extended, as `config.json` has it outside the scaling. */
  readonly originalMaxPositions: number | undefined;
}

/** Reads `rope_parameters`, or `rope_theta` and `rope_scaling` as they were spelled before. */
export function readHubRope(config: JsonObject, defaultTheta: number): HubRope {
  const parameters = asObject(config.rope_parameters ?? config.rope_scaling);
  const global = "full_attention" in parameters ? asObject(parameters.full_attention) : parameters;
  const local = asObject(parameters.sliding_attention);
  return {
    theta: firstNumber(global.rope_theta, config.rope_theta) ?? defaultTheta,
    localTheta: firstNumber(local.rope_theta, config.rope_local_base_freq),
    type: String(global.rope_type ?? global.type ?? "default"),
    scaling: global,
  };
}

/** Returns how a GGUF file says what `rope` says. */
export function ropeToGguf(rope: HubRope, options: RopeToGgufOptions): GgufRope {
  const { scaling, theta } = rope;
  const number = (key: string): number => {
    const value = scaling[key];
    if (typeof value === "number") return value;
    throw new UserError(`Cannot export to GGUF: "${key}" of the rope scaling must be a number`);
  };
  const entries: (readonly [string, GgufValue])[] = [];
  const tensors = new Map<string, Float32Array>();
  switch (rope.type) {
    case "default":
      break;
    case "linear":
      entries.push(["rope.scaling.type", ggufString("linear")]);
      entries.push(["rope.scaling.factor", ggufFloat32(number("factor"))]);
      break;
    case "yarn":
      entries.push(...yarn(scaling, number, options));
      break;
    case "llama3":
      tensors.set(
        ROPE_FREQS,
        llama3Factors(scaling as unknown as Llama3Scaling, { theta, rotaryDim: options.rotaryDim }),
      );
      break;
    case "longrope":
    case "su":
      entries.push(["rope.scaling.attn_factor", ggufFloat32(longRopeAttention(scaling, options))]);
      tensors.set(ROPE_FACTORS_LONG, Float32Array.from(scaling.long_factor as number[]));
      tensors.set(ROPE_FACTORS_SHORT, Float32Array.from(scaling.short_factor as number[]));
      break;
    default:
      throw new UserError(`Cannot export to GGUF: rope scaling "${rope.type}" is not supported`);
  }
  return { entries, tensors };
}

function yarn(
  scaling: JsonObject,
  number: (key: string) => number,
  { maxPositions }: RopeToGgufOptions,
): (readonly [string, GgufValue])[] {
  const original = firstNumber(scaling.original_max_position_embeddings) ?? maxPositions;
  const usual = 0.1 * Math.log(number("factor")) + 1;
  const attention = firstNumber(scaling.attention_factor) ?? usual;
  if (Math.abs(attention - usual) > 1e-6 || scaling.truncate === false) {
    throw new UserError(
      "Cannot export to GGUF: llama.cpp computes YaRN with whole bounds and an attention factor of " +
        `${usual}, config.json asks for something else`,
    );
  }
  const optional = Object.entries({
    yarn_beta_fast: scaling.beta_fast,
    yarn_beta_slow: scaling.beta_slow,
  }).flatMap(([key, value]) =>
    typeof value === "number" ? [[`rope.scaling.${key}`, ggufFloat32(value)] as const] : []
  );
  return [
    ["rope.scaling.type", ggufString("yarn")],
    ["rope.scaling.factor", ggufFloat32(number("factor"))],
    ["rope.scaling.original_context_length", ggufUint32(original)],
    ...optional,
  ];
}

/** What the lengths of rotated vectors are multiplied by, as the authors of Phi-3 have it. */
function longRopeAttention(
  scaling: JsonObject,
  { maxPositions, originalMaxPositions }: RopeToGgufOptions,
): number {
  const given = firstNumber(scaling.attention_factor);
  if (given !== undefined) return given;
  const original = firstNumber(scaling.original_max_position_embeddings, originalMaxPositions) ??
    maxPositions;
  const factor = maxPositions / original;
  return factor > 1 ? Math.sqrt(1 + Math.log(factor) / Math.log(original)) : 1;
}

function firstNumber(...values: readonly unknown[]): number | undefined {
  return values.find((value) => typeof value === "number");
}

function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null ? value as JsonObject : {};
}
