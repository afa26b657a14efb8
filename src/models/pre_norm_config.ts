/**
 * Sizes and details of the decoders that descend from Llama, and the keys of `config.json` that they spell alike.
 *
 * @module
 */

import type { ConfigReader } from "./config.ts";
import type { AttentionKind } from "./language_model.ts";
import type { LayerAttention } from "./layer_types.ts";
import { readRope, type ReadRopeOptions } from "./read_rope.ts";
import type { RopeConfig } from "./rope.ts";

/** What is in the middle of a gated feed-forward network. */
export type Activation = "silu" | "gelu_tanh";

/** Sizes of a pre-norm decoder. */
export interface PreNormSizes {
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Width inside the feed-forward network. */
  readonly intermediateSize: number;
  /** Number of layers. */
  readonly numLayers: number;
  /** Heads of queries. */
  readonly numHeads: number;
  /** Heads of keys and values. */
  readonly numKeyValueHeads: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** The longest sequence it was made for. */
  readonly maxPositions: number;
  /** Added to mean squares. */
  readonly epsilon: number;
  /** Whether the output matrix is that of the embeddings. */
  readonly tied: boolean;
  /** Standard deviation of fresh matrices. */
  readonly initializerRange: number;
}

/** What one such decoder does differently from another. */
export interface PreNormDetails {
  /** Whether the projections to queries, keys and values add a bias. @default {false} */
  readonly queryKeyValueBias?: boolean;
  /** Whether the projection of what attention mixes does. @default {false} */
  readonly attentionOutputBias?: boolean;
  /** Whether the projections of the feed-forward network do. @default {false} */
  readonly mlpBias?: boolean;
  /** Whether queries, keys and values are one projection, and gate and up another. @default {false} */
  readonly fusedProjections?: boolean;
  /** Whether queries and keys are normalised by head before they are rotated. @default {false} */
  readonly queryKeyNorm?: boolean;
  /** Whether what attention and the feed-forward network make is normalised too. @default {false} */
  readonly postNorms?: boolean;
  /** Whether norms scale by 1 + weight, so that they start from zeros. @default {false} */
  readonly normsAroundOne?: boolean;
  /** What is in the middle of the feed-forward network. @default {"silu"} */
  readonly activation?: Activation;
  /** Factor of the embeddings that the first layer reads. @default {1} */
  readonly embeddingScale?: number;
  /** Factor of attention's scores. @default {1 / √headDim} */
  readonly attentionScale?: number;
}

/** Everything about a pre-norm decoder. */
export type PreNormConfig = PreNormSizes & LayerAttention & PreNormDetails;

/** Values that an architecture assumes where `config.json` is silent. */
export interface PreNormDefaults {
  /** `num_key_value_heads`. @default {`num_attention_heads`} */
  readonly numKeyValueHeads?: number;
  /** `head_dim`. @default {`hidden_size / num_attention_heads`} */
  readonly headDim?: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
  /** `rms_norm_eps`. @default {1e-6} */
  readonly epsilon?: number;
  /** `tie_word_embeddings`. @default {false} */
  readonly tied?: boolean;
}

/** Reads the sizes, which every such architecture spells alike; details are the caller's. */
export function readPreNormSizes(reader: ConfigReader, defaults: PreNormDefaults): PreNormSizes {
  const hiddenSize = reader.integer("hidden_size");
  const numHeads = reader.integer("num_attention_heads");
  // Stated as null, it is the number of heads whatever the default.
  const stated = reader.integerOrNull("num_key_value_heads", defaults.numKeyValueHeads ?? null);
  const numKeyValueHeads = stated ?? numHeads;
  if (numHeads % numKeyValueHeads !== 0) {
    reader.fail("num_key_value_heads", `must divide num_attention_heads, which is ${numHeads}`);
  }
  const headDim = reader.integer("head_dim", defaults.headDim ?? hiddenSize / numHeads);
  if (headDim % 2 !== 0) reader.fail("head_dim", "must be even");
  return {
    hiddenSize,
    numHeads,
    numKeyValueHeads,
    headDim,
    intermediateSize: reader.integer("intermediate_size"),
    numLayers: reader.integer("num_hidden_layers"),
    vocabSize: reader.integer("vocab_size"),
    maxPositions: reader.integer("max_position_embeddings", defaults.maxPositions),
    epsilon: reader.number("rms_norm_eps", defaults.epsilon ?? 1e-6),
    tied: reader.boolean("tie_word_embeddings", defaults.tied ?? false),
    initializerRange: reader.number("initializer_range", 0.02),
  };
}

/** Options of {@linkcode readAttentionKind}. */
export interface ReadAttentionKindOptions extends ReadRopeOptions {
  /** How many elements of a head are rotated. */
  readonly rotaryDim: number;
  /** How many tokens back a token sees, itself included. @default {all} */
  readonly window?: number | null;
}

/** Reads the rotary position embeddings of layers that all have the same. */
export function readAttentionKind(
  reader: ConfigReader,
  options: ReadAttentionKindOptions,
): AttentionKind {
  const { rotaryDim, window = null } = options;
  const rope = readRope(reader, options);
  const factors = rope.type === "longrope" ? rope.shortFactor.length : rotaryDim / 2;
  if (factors !== rotaryDim / 2) {
    const key = reader.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
    reader.fail(key, `must have a short_factor of ${rotaryDim / 2} numbers`);
  }
  return { rope, rotaryDim, window };
}

/**
 * Returns how many positions a model has. LongRoPE has other angles beyond those it was first made for, which would
 * make every key in a cache wrong: it ends there.
 */
export function usablePositions(
  { maxPositions, attentionKinds }: Pick<PreNormConfig, "maxPositions" | "attentionKinds">,
): number {
  const limit = ({ rope }: { readonly rope: RopeConfig | null }) =>
    rope?.type === "longrope" ? rope.originalMaxPositions : maxPositions;
  return Math.min(maxPositions, ...attentionKinds.map(limit));
}
