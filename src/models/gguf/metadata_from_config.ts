/**
 * The metadata of a GGUF file for the model that a `config.json` describes, as llama.cpp's converter writes it.
 *
 * @module
 */

import {
  ggufArray,
  ggufFloat32,
  type GgufMetadata,
  ggufUint32,
  type GgufValue,
} from "../../engine/tensor/gguf/metadata.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { ARCHITECTURE_TABLE, architectureOf, type GgufArchitectureName } from "./architectures.ts";
import { type HubRope, readHubRope, ropeToGguf } from "./rope_to_gguf.ts";

/** What a GGUF file says of a model besides its weights. */
export interface GgufModelDescription {
  /** The architecture. */
  readonly architecture: GgufArchitectureName;
  /** Metadata of the architecture. */
  readonly metadata: GgufMetadata;
  /** Tensors that follow from the configuration, by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Heads of queries. */
  readonly numHeads: number;
  /** Heads of keys. */
  readonly numKeyValueHeads: number;
  /** What llama.cpp computes otherwise. */
  readonly warnings: readonly string[];
}

type Entry = readonly [key: string, value: GgufValue];

/** The sizes of a model. */
interface Sizes {
  readonly config: JsonObject;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly maxPositions: number;
  readonly rope: HubRope;
}

interface Particulars {
  /** `max_position_embeddings` where `config.json` is silent. */
  readonly maxPositions: number;
  /** `rope_theta` where it is silent. */
  readonly theta: number;
  /** `head_dim` where it is silent, if that is not `hidden_size / num_attention_heads`. */
  readonly headDim?: number;
  /** What it says besides the sizes. */
  readonly entries: (sizes: Sizes) => readonly Entry[];
}

/** What each architecture says. */
const PARTICULARS: Readonly<Record<GgufArchitectureName, Particulars>> = {
  llama: {
    maxPositions: 2048,
    theta: 10_000,
    entries: (sizes) => [
      ...decoder(sizes),
      ...headWidth(sizes),
      ["vocab_size", ggufUint32(integer(sizes.config, "vocab_size"))],
      ["rope.dimension_count", ggufUint32(sizes.headDim)],
    ],
  },
  qwen2: { maxPositions: 32_768, theta: 10_000, entries: decoder },
  qwen3: {
    maxPositions: 32_768,
    theta: 10_000,
    headDim: 128,
    entries: (sizes) => [...decoder(sizes), ...headWidth(sizes)],
  },
  gemma3: { maxPositions: 131_072, theta: 1_000_000, headDim: 256, entries: gemma3 },
  phi3: { maxPositions: 4096, theta: 10_000, entries: phi3 },
  gpt2: {
    maxPositions: 1024,
    theta: 10_000,
    entries: ({ config, hiddenSize }) => [
      ...plainScale(config),
      ["feed_forward_length", ggufUint32(integer(config, "n_inner", 4 * hiddenSize))],
      ["attention.layer_norm_epsilon", ggufFloat32(number(config, "layer_norm_epsilon", 1e-5))],
    ],
  },
};

/**
 * Returns what a GGUF file says of the model of `config`.
 *
 * @throws {UserError} If llama.cpp has no such model.
 */
export function describeForGguf(config: JsonObject): GgufModelDescription {
  const modelType = String(config.model_type);
  const architecture = architectureOf(modelType);
  if (architecture === undefined) {
    const known = Object.values(ARCHITECTURE_TABLE).flatMap(({ modelTypes }) => modelTypes);
    throw new UserError(
      `Cannot export a ${modelType} to GGUF: it is possible for ${known.join(", ")}`,
    );
  }
  const particulars = PARTICULARS[architecture];
  const sizes = readSizes(config, particulars);
  const rotaryDim = Math.floor(sizes.headDim * partialRotary(sizes));
  const rope = ropeToGguf(sizes.rope, {
    rotaryDim,
    maxPositions: sizes.maxPositions,
    originalMaxPositions: typeof config.original_max_position_embeddings === "number"
      ? config.original_max_position_embeddings
      : undefined,
  });
  const entries: Entry[] = [
    ["block_count", ggufUint32(sizes.numLayers)],
    ["context_length", ggufUint32(sizes.maxPositions)],
    ["embedding_length", ggufUint32(sizes.hiddenSize)],
    ["attention.head_count", ggufUint32(sizes.numHeads)],
    ...particulars.entries(sizes),
    ...rope.entries,
  ];
  return {
    architecture,
    metadata: new Map(entries.map(([key, value]) => [`${architecture}.${key}`, value])),
    tensors: rope.tensors,
    numHeads: sizes.numHeads,
    numKeyValueHeads: sizes.numKeyValueHeads,
    warnings: windowWarnings(config, architecture),
  };
}

function readSizes(config: JsonObject, particulars: Particulars): Sizes {
  const hiddenSize = integer(config, ["hidden_size", "n_embd"]);
  const numHeads = integer(config, ["num_attention_heads", "n_head"]);
  return {
    config,
    hiddenSize,
    numHeads,
    numLayers: integer(config, ["num_hidden_layers", "n_layer"]),
    numKeyValueHeads: integer(config, "num_key_value_heads", numHeads),
    headDim: integer(config, "head_dim", particulars.headDim ?? hiddenSize / numHeads),
    maxPositions: integer(
      config,
      ["max_position_embeddings", "n_positions"],
      particulars.maxPositions,
    ),
    rope: readHubRope(config, particulars.theta),
  };
}

function decoder({ config, numKeyValueHeads, rope }: Sizes): Entry[] {
  return [
    ["feed_forward_length", ggufUint32(integer(config, "intermediate_size"))],
    ["attention.head_count_kv", ggufUint32(numKeyValueHeads)],
    ["rope.freq_base", ggufFloat32(rope.theta)],
    ["attention.layer_norm_rms_epsilon", ggufFloat32(number(config, "rms_norm_eps", 1e-6))],
  ];
}

function headWidth({ headDim }: Sizes): Entry[] {
  return [
    ["attention.key_length", ggufUint32(headDim)],
    ["attention.value_length", ggufUint32(headDim)],
  ];
}

function gemma3(sizes: Sizes): Entry[] {
  const { config, headDim, hiddenSize, numHeads, numLayers, rope } = sizes;
  const scale = integer(config, "query_pre_attn_scalar", 256);
  const known = numLayers === 62 ? hiddenSize / numHeads : headDim;
  if (scale !== known) {
    throw new UserError(
      `Cannot export to GGUF: llama.cpp computes a gemma3 of this size with "query_pre_attn_scalar" ${known}, ` +
        `but that of config.json is ${scale}`,
    );
  }
  const window = config.sliding_window;
  const cap = config.final_logit_softcapping;
  return [
    ...decoder(sizes),
    ...headWidth(sizes),
    ["rope.freq_base_swa", ggufFloat32(rope.localTheta ?? 10_000)],
    ...(typeof window === "number"
      ? [["attention.sliding_window", ggufUint32(window)] as const, ...slidingPattern(sizes)]
      : []),
    ...(typeof cap === "number" ? [["final_logit_softcapping", ggufFloat32(cap)] as const] : []),
  ];
}

/** Says which layers slide, unless it is all but every sixth. */
function slidingPattern({ config, numLayers }: Sizes): Entry[] {
  const period = integer(config, ["sliding_window_pattern", "_sliding_window_pattern"], 6);
  const layers = Array.from(
    { length: numLayers },
    (_, layer) =>
      Array.isArray(config.layer_types)
        ? config.layer_types[layer] === "sliding_attention"
        : (layer + 1) % period !== 0,
  );
  if (layers.every((slides, layer) => slides === ((layer + 1) % 6 !== 0))) return [];
  return [["attention.sliding_window_pattern", ggufArray("bool", layers)]];
}

function phi3(sizes: Sizes): Entry[] {
  const { config, headDim, maxPositions } = sizes;
  const original = integer(config, "original_max_position_embeddings", maxPositions);
  // 0 tells Phi-4, which has no window, from the others
  const window = typeof config.sliding_window === "number" ? config.sliding_window : 0;
  return [
    ...decoder(sizes),
    ["rope.scaling.original_context_length", ggufUint32(original)],
    ["rope.dimension_count", ggufUint32(Math.floor(headDim * partialRotary(sizes)))],
    ["attention.sliding_window", ggufUint32(window)],
  ];
}

/** Refuses scores that GPT-2 has by option and llama.cpp never. */
function plainScale(config: JsonObject): Entry[] {
  if (config.scale_attn_by_inverse_layer_idx === true || config.scale_attn_weights === false) {
    throw new UserError(
      "Cannot export to GGUF: llama.cpp scales the scores of every gpt2 by the width of heads alone",
    );
  }
  return [];
}

function partialRotary({ config, rope }: Sizes): number {
  const factor = rope.scaling.partial_rotary_factor ?? config.partial_rotary_factor;
  return typeof factor === "number" ? factor : 1;
}

/** Models whose window llama.cpp knows. */
const WINDOWED: readonly GgufArchitectureName[] = ["gemma3"];

function windowWarnings(config: JsonObject, architecture: GgufArchitectureName): string[] {
  const { sliding_window: window } = config;
  const slides = typeof window === "number" && config.use_sliding_window !== false;
  if (!slides || WINDOWED.includes(architecture)) return [];
  return [
    `llama.cpp computes ${config.model_type} without its sliding window: texts of more than ${window} tokens will go on otherwise`,
  ];
}

function integer(config: JsonObject, keys: string | readonly string[], fallback?: number): number {
  const value = number(config, keys, fallback);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new UserError(`Cannot export to GGUF: "${[keys].flat()[0]}" of config.json is ${value}`);
}

function number(config: JsonObject, keys: string | readonly string[], fallback?: number): number {
  const value = [keys].flat().map((key) => config[key]).find((each) => typeof each === "number") ??
    fallback;
  if (value !== undefined) return value as number;
  throw new UserError(`Cannot export to GGUF: config.json has no "${[keys].flat()[0]}"`);
}
