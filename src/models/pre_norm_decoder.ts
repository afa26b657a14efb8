/**
 * The decoder that Llama made common: each layer normalises, attends with rotary positions, normalises again and
 * applies a gated feed-forward network. Architectures that differ only by a detail say which.
 *
 * @module
 */

import {
  add,
  gather,
  linear,
  mul,
  rmsNorm,
  rotary,
  silu,
  transpose,
} from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { attention, splitFeatures } from "./attention.ts";
import type { ConfigReader } from "./config.ts";
import type {
  ForwardInputs,
  ForwardOutputs,
  LanguageModel,
  LayerCache,
  WeightSpec,
} from "./language_model.ts";
import { readRope, type RopeConfig } from "./rope.ts";

/** Sizes and details of a pre-norm decoder. */
export interface PreNormDecoderConfig {
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
  /** Rotary position embeddings. */
  readonly rope: RopeConfig;
  /** Standard deviation of fresh matrices. */
  readonly initializerRange: number;
  /** Whether the projections of attention add a bias. */
  readonly attentionBias: boolean;
  /** Whether those of the feed-forward network do. */
  readonly mlpBias: boolean;
  /** Whether queries and keys are normalised by head before they are rotated. */
  readonly queryKeyNorm: boolean;
}

/** Values that an architecture assumes where `config.json` is silent. */
export interface PreNormDecoderDefaults {
  /** `head_dim`; without it, `hidden_size / num_attention_heads`. */
  readonly headDim?: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
}

/** Reads the keys that every such architecture spells alike; details are the caller's. */
export function readPreNormDecoder(
  reader: ConfigReader,
  defaults: PreNormDecoderDefaults,
): Omit<PreNormDecoderConfig, "attentionBias" | "mlpBias" | "queryKeyNorm"> {
  const hiddenSize = reader.integer("hidden_size");
  const numHeads = reader.integer("num_attention_heads");
  const numKeyValueHeads = reader.integer("num_key_value_heads", numHeads);
  if (numHeads % numKeyValueHeads !== 0) {
    reader.fail("num_key_value_heads", `must divide num_attention_heads, which is ${numHeads}`);
  }
  const headDim = reader.integer("head_dim", defaults.headDim ?? hiddenSize / numHeads);
  if (headDim % 2 !== 0) reader.fail("head_dim", "must be even");
  reader.expect("hidden_act", ["silu", "swish"]);
  return {
    hiddenSize,
    numHeads,
    numKeyValueHeads,
    headDim,
    intermediateSize: reader.integer("intermediate_size"),
    numLayers: reader.integer("num_hidden_layers"),
    vocabSize: reader.integer("vocab_size"),
    maxPositions: reader.integer("max_position_embeddings", defaults.maxPositions),
    epsilon: reader.number("rms_norm_eps", 1e-6),
    tied: reader.boolean("tie_word_embeddings", false),
    rope: readRope(reader, 10_000),
    initializerRange: reader.number("initializer_range", 0.02),
  };
}

/** Makes a model of `config`; `modelType` and `json` are what its `config.json` says. */
export function createPreNormDecoder(
  config: PreNormDecoderConfig,
  { modelType, json }: {
    readonly modelType: string;
    readonly json: Readonly<Record<string, unknown>>;
  },
): LanguageModel {
  return {
    modelType,
    config: json,
    vocabSize: config.vocabSize,
    maxPositions: config.maxPositions,
    hiddenSize: config.hiddenSize,
    numLayers: config.numLayers,
    numKeyValueHeads: config.numKeyValueHeads,
    headDim: config.headDim,
    rope: config.rope,
    initializerRange: config.initializerRange,
    outputWeight: config.tied ? "model.embed_tokens.weight" : "lm_head.weight",
    weights: decoderWeights(config),
    forward: (inputs) => forward(config, inputs),
  };
}

function decoderWeights(config: PreNormDecoderConfig): WeightSpec[] {
  const { hiddenSize, intermediateSize, headDim, vocabSize } = config;
  const queryWidth = config.numHeads * headDim;
  const keyWidth = config.numKeyValueHeads * headDim;
  const matrix = (name: string, shape: readonly number[]): WeightSpec => ({
    name: `${name}.weight`,
    shape,
    init: "normal",
  });
  const norm = (name: string, width: number): WeightSpec => ({
    name: `${name}.weight`,
    shape: [width],
    init: "ones",
  });
  const layer = (prefix: string): WeightSpec[] => {
    const projection = (name: string, shape: [number, number], biased: boolean): WeightSpec[] => [
      matrix(`${prefix}.${name}`, shape),
      ...(biased
        ? [{ name: `${prefix}.${name}.bias`, shape: [shape[0]], init: "zeros" } as const]
        : []),
    ];
    return [
      ...projection("self_attn.q_proj", [queryWidth, hiddenSize], config.attentionBias),
      ...projection("self_attn.k_proj", [keyWidth, hiddenSize], config.attentionBias),
      ...projection("self_attn.v_proj", [keyWidth, hiddenSize], config.attentionBias),
      ...projection("self_attn.o_proj", [hiddenSize, queryWidth], config.attentionBias),
      ...(config.queryKeyNorm
        ? [
          norm(`${prefix}.self_attn.q_norm`, headDim),
          norm(`${prefix}.self_attn.k_norm`, headDim),
        ]
        : []),
      ...projection("mlp.gate_proj", [intermediateSize, hiddenSize], config.mlpBias),
      ...projection("mlp.up_proj", [intermediateSize, hiddenSize], config.mlpBias),
      ...projection("mlp.down_proj", [hiddenSize, intermediateSize], config.mlpBias),
      norm(`${prefix}.input_layernorm`, hiddenSize),
      norm(`${prefix}.post_attention_layernorm`, hiddenSize),
    ];
  };
  return [
    matrix("model.embed_tokens", [vocabSize, hiddenSize]),
    ...Array.from({ length: config.numLayers }, (_, i) => layer(`model.layers.${i}`)).flat(),
    norm("model.norm", hiddenSize),
    ...(config.tied ? [] : [matrix("lm_head", [vocabSize, hiddenSize])]),
  ];
}

function forward(config: PreNormDecoderConfig, inputs: ForwardInputs): ForwardOutputs {
  const { weight, ids, angles, mask, past } = inputs;
  const { headDim, epsilon, attentionBias, mlpBias } = config;
  const project = (x: Value, name: string, biased: boolean): Value => {
    const product = linear(x, weight(`${name}.weight`));
    return biased ? add(product, weight(`${name}.bias`)) : product;
  };
  const norm = (x: Value, name: string): Value =>
    rmsNorm(x, { weight: weight(`${name}.weight`), epsilon });
  const byHead = (x: Value): Value => transpose(x, [0, 2, 1, 3]);

  let hidden = gather(weight("model.embed_tokens.weight"), ids);
  const fresh: LayerCache[] = [];
  const present: LayerCache[] = [];
  for (let i = 0; i < config.numLayers; i++) {
    const attn = `model.layers.${i}.self_attn`;
    const x = norm(hidden, `model.layers.${i}.input_layernorm`);
    const heads = (name: string): Value =>
      splitFeatures(project(x, `${attn}.${name}_proj`, attentionBias), headDim);
    const rotated = (name: string): Value => {
      const features = heads(name);
      const normed = config.queryKeyNorm ? norm(features, `${attn}.${name}_norm`) : features;
      return rotary(byHead(normed), angles);
    };
    const query = rotated("q");
    const layer: LayerCache = { key: rotated("k"), value: byHead(heads("v")) };
    const mixed = attention({
      query,
      fresh: layer,
      past: past?.[i],
      mask,
      scale: headDim ** -0.5,
    });
    fresh.push(layer);
    present.push(mixed.present);
    hidden = add(hidden, project(mixed.output, `${attn}.o_proj`, attentionBias));

    const mlp = `model.layers.${i}.mlp`;
    const y = norm(hidden, `model.layers.${i}.post_attention_layernorm`);
    const gate = silu(project(y, `${mlp}.gate_proj`, mlpBias));
    const gated = mul(gate, project(y, `${mlp}.up_proj`, mlpBias));
    hidden = add(hidden, project(gated, `${mlp}.down_proj`, mlpBias));
  }
  return { hidden: norm(hidden, "model.norm"), fresh, present };
}
