/**
 * The decoder that Llama made common: each layer normalises, attends with rotary positions, normalises again and
 * applies a gated feed-forward network. Architectures that differ only by a detail say which.
 *
 * @module
 */

import { add, geluTanh, mul, rmsNorm, scalar, silu } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { cutFeatures, plainAttend, splitFeatures } from "./attention.ts";
import {
  type LanguageModel,
  type LayerInputs,
  type LayerOutputs,
  plainProject,
  plainRows,
  type Project,
  type Projection,
} from "./language_model.ts";
import { type Activation, type PreNormConfig, usablePositions } from "./pre_norm_config.ts";
import {
  decoderProjections,
  decoderWeights,
  layerProjections,
  queryKeyValueWidths,
} from "./pre_norm_weights.ts";

const ACTIVATIONS: Readonly<Record<Activation, (x: Value) => Value>> = {
  silu,
  gelu_tanh: geluTanh,
};

/** Makes a model of `config`; `modelType` and `json` are what its `config.json` says. */
export function createPreNormDecoder(
  config: PreNormConfig,
  { modelType, json }: {
    readonly modelType: string;
    readonly json: Readonly<Record<string, unknown>>;
  },
): LanguageModel {
  const { embeddingScale = 1 } = config;
  return {
    modelType,
    config: json,
    vocabSize: config.vocabSize,
    maxPositions: usablePositions(config),
    hiddenSize: config.hiddenSize,
    numLayers: config.numLayers,
    numKeyValueHeads: config.numKeyValueHeads,
    headDim: config.headDim,
    attentionKinds: config.attentionKinds,
    initializerRange: config.initializerRange,
    outputWeight: config.tied ? "model.embed_tokens.weight" : "lm_head.weight",
    weights: decoderWeights(config),
    projections: decoderProjections(config),
    embed({ weight, embedRows = plainRows(weight), ids }) {
      const embedded = embedRows("model.embed_tokens.weight", ids);
      return embeddingScale === 1 ? embedded : mul(embedded, scalar(embeddingScale));
    },
    runLayer: (hidden, inputs) => runLayer(config, hidden, inputs),
    finish: (hidden, { weight }) => normalize(hidden, { weight, name: "model.norm", config }),
  };
}

function runLayer(config: PreNormConfig, hidden: Value, inputs: LayerInputs): LayerOutputs {
  const { weight, contexts, past, layer, project = plainProject(weight) } = inputs;
  const { attend = plainAttend } = inputs;
  const { headDim, intermediateSize, postNorms, activation = "silu" } = config;
  const { attentionScale = headDim ** -0.5 } = config;
  const { queryKeyValue, attentionOutput, gateUp, down } = layerProjections(config, layer);
  const kind = config.kindOfLayer[layer]!;
  const norm = (x: Value, name: string): Value =>
    normalize(x, { weight, name: `model.layers.${layer}.${name}`, config });

  const [q, k, v] = projectParts(norm(hidden, "input_layernorm"), queryKeyValue, {
    project,
    widths: queryKeyValueWidths(config),
  }).map((features) => splitFeatures(features, headDim));
  const normed = (features: Value, name: string): Value =>
    config.queryKeyNorm ? norm(features, `self_attn.${name}`) : features;
  const { output, fresh, present } = attend({
    query: normed(q!, "q_norm"),
    key: normed(k!, "k_norm"),
    value: v!,
    kind: config.attentionKinds[kind]!,
    context: contexts[kind]!,
    past,
    scale: attentionScale,
  });
  const mixed = project(output, attentionOutput);
  const attended = add(hidden, postNorms ? norm(mixed, "post_attention_layernorm") : mixed);

  // Where there are norms after, this one is named for what follows it, and not for what came before.
  const y = norm(attended, postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm");
  const [gate, up] = projectParts(y, gateUp, {
    project,
    widths: [intermediateSize, intermediateSize],
  });
  const made = project(mul(ACTIVATIONS[activation](gate!), up!), down);
  const added = postNorms ? norm(made, "post_feedforward_layernorm") : made;
  return { hidden: add(attended, added), fresh, present };
}

/** Computes features of several widths, by a projection each or by one for all. */
function projectParts(
  x: Value,
  projections: readonly Projection[],
  { project, widths }: { readonly project: Project; readonly widths: readonly number[] },
): Value[] {
  const made = projections.map((projection) => project(x, projection));
  return made.length === widths.length ? made : cutFeatures(made[0]!, widths);
}

function normalize(
  x: Value,
  { weight, name, config: { epsilon, normsAroundOne } }: {
    readonly weight: (name: string) => Value;
    readonly name: string;
    readonly config: PreNormConfig;
  },
): Value {
  const scale = weight(`${name}.weight`);
  return rmsNorm(x, { weight: normsAroundOne ? add(scale, scalar(1)) : scale, epsilon });
}
