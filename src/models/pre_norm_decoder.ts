/**
 * The decoder that Llama made common: each layer normalises, attends with rotary positions, normalises again and
 * applies a gated feed-forward network. Architectures that differ only by a detail say which.
 *
 * @module
 */

import { add, gather, mul, rmsNorm, rotary, silu, transpose } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { attention, splitFeatures } from "./attention.ts";
import type { ConfigReader } from "./config.ts";
import {
  type LanguageModel,
  type LayerCache,
  type LayerInputs,
  type LayerOutputs,
  plainProject,
  type Projection,
  type WeightSpec,
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
    attentionKinds: [{ rope: config.rope, rotaryDim: config.headDim, window: null }],
    initializerRange: config.initializerRange,
    outputWeight: config.tied ? "model.embed_tokens.weight" : "lm_head.weight",
    weights: decoderWeights(config),
    projections: Array.from({ length: config.numLayers }, (_, i) => layerProjections(config, i))
      .flat(),
    embed: ({ weight, ids }) => gather(weight("model.embed_tokens.weight"), ids),
    runLayer: (hidden, inputs) => runLayer(config, hidden, inputs),
    finish: (hidden, { weight }) =>
      rmsNorm(hidden, { weight: weight("model.norm.weight"), epsilon: config.epsilon }),
  };
}

type SevenProjections = [
  Projection,
  Projection,
  Projection,
  Projection,
  Projection,
  Projection,
  Projection,
];

/** Returns the linear layers of layer `index`, in the order in which checkpoints have them. */
function layerProjections(config: PreNormDecoderConfig, index: number): Projection[] {
  const { hiddenSize, intermediateSize, headDim, attentionBias, mlpBias } = config;
  const queryWidth = config.numHeads * headDim;
  const keyWidth = config.numKeyValueHeads * headDim;
  const projection = (
    name: string,
    [outFeatures, inFeatures]: readonly [number, number],
    biased: boolean,
  ): Projection => ({
    name: `model.layers.${index}.${name}`,
    inFeatures,
    outFeatures,
    biased,
    transposed: false,
  });
  return [
    projection("self_attn.q_proj", [queryWidth, hiddenSize], attentionBias),
    projection("self_attn.k_proj", [keyWidth, hiddenSize], attentionBias),
    projection("self_attn.v_proj", [keyWidth, hiddenSize], attentionBias),
    projection("self_attn.o_proj", [hiddenSize, queryWidth], attentionBias),
    projection("mlp.gate_proj", [intermediateSize, hiddenSize], mlpBias),
    projection("mlp.up_proj", [intermediateSize, hiddenSize], mlpBias),
    projection("mlp.down_proj", [hiddenSize, intermediateSize], mlpBias),
  ];
}

function decoderWeights(config: PreNormDecoderConfig): WeightSpec[] {
  const { hiddenSize, headDim, vocabSize } = config;
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
  const linearWeights = ({ name, outFeatures, inFeatures, biased }: Projection): WeightSpec[] => [
    matrix(name, [outFeatures, inFeatures]),
    ...(biased ? [{ name: `${name}.bias`, shape: [outFeatures], init: "zeros" } as const] : []),
  ];
  const layer = (index: number): WeightSpec[] => {
    const prefix = `model.layers.${index}`;
    const projections = layerProjections(config, index);
    return [
      ...projections.slice(0, 4).flatMap(linearWeights),
      ...(config.queryKeyNorm
        ? [
          norm(`${prefix}.self_attn.q_norm`, headDim),
          norm(`${prefix}.self_attn.k_norm`, headDim),
        ]
        : []),
      ...projections.slice(4).flatMap(linearWeights),
      norm(`${prefix}.input_layernorm`, hiddenSize),
      norm(`${prefix}.post_attention_layernorm`, hiddenSize),
    ];
  };
  return [
    matrix("model.embed_tokens", [vocabSize, hiddenSize]),
    ...Array.from({ length: config.numLayers }, (_, i) => layer(i)).flat(),
    norm("model.norm", hiddenSize),
    ...(config.tied ? [] : [matrix("lm_head", [vocabSize, hiddenSize])]),
  ];
}

function runLayer(
  config: PreNormDecoderConfig,
  hidden: Value,
  inputs: LayerInputs,
): LayerOutputs {
  const { weight, contexts, past, layer, project = plainProject(weight) } = inputs;
  const { headDim, epsilon } = config;
  const [context] = contexts;
  const [q, k, v, o, gate, up, down] = layerProjections(config, layer) as SevenProjections;
  const prefix = `model.layers.${layer}`;
  const norm = (x: Value, name: string): Value =>
    rmsNorm(x, { weight: weight(`${prefix}.${name}.weight`), epsilon });
  const byHead = (x: Value): Value => transpose(x, [0, 2, 1, 3]);

  const x = norm(hidden, "input_layernorm");
  const heads = (projection: Projection): Value => splitFeatures(project(x, projection), headDim);
  const rotated = (projection: Projection, normName: string): Value => {
    const features = heads(projection);
    const normed = config.queryKeyNorm ? norm(features, `self_attn.${normName}`) : features;
    return rotary(byHead(normed), context!.angles!);
  };
  const query = rotated(q, "q_norm");
  const fresh: LayerCache = { key: rotated(k, "k_norm"), value: byHead(heads(v)) };
  const { output, present } = attention({
    query,
    fresh,
    past,
    mask: context!.mask,
    scale: headDim ** -0.5,
  });
  const attended = add(hidden, project(output, o));

  const y = norm(attended, "post_attention_layernorm");
  const gated = mul(silu(project(y, gate)), project(y, up));
  return { hidden: add(attended, project(gated, down)), fresh, present };
}
