/**
 * GPT-2 (`model_type` "gpt2"): learned positions, norms with mean and bias, one projection to queries, keys and
 * values, and matrices stored [in, out].
 *
 * @module
 */

import { add, geluTanh, layerNorm } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { cutFeatures, plainAttend, splitFeatures } from "./attention.ts";
import { ConfigReader } from "./config.ts";
import {
  type AttentionKind,
  type LanguageModel,
  type LayerInputs,
  type LayerOutputs,
  plainProject,
  plainRows,
  type Projection,
  projectionWeights,
  type WeightSpec,
} from "./language_model.ts";

/** Sizes and details of a GPT-2. */
interface Gpt2Config {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly epsilon: number;
  readonly initializerRange: number;
  /** Whether the output matrix is that of the embeddings. */
  readonly tied: boolean;
  /** Factor of the scores of each layer. */
  readonly attentionScale: (layer: number) => number;
}

/** Names of one function: GELU approximated by tanh. */
const ACTIVATIONS = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"];

const EMBEDDINGS = "transformer.wte.weight";
const POSITIONS = "transformer.wpe.weight";

/** Makes a GPT-2 of the size that `config.json` says. */
export function createGpt2(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const config = readConfig(reader);
  reader.finish();
  const { vocabSize, maxPositions, hiddenSize, numLayers, numHeads, tied } = config;
  const headDim = hiddenSize / numHeads;
  return {
    modelType: "gpt2",
    config: json,
    vocabSize,
    maxPositions,
    hiddenSize,
    numLayers,
    numKeyValueHeads: numHeads,
    headDim,
    attentionKinds: [attentionKind(headDim)],
    initializerRange: config.initializerRange,
    outputWeight: tied ? EMBEDDINGS : "lm_head.weight",
    weights: gpt2Weights(config),
    projections: Array.from(
      { length: numLayers },
      (_, i) => Object.values(layerProjections(config, i)),
    )
      .flat(),
    embed: ({ weight, embedRows = plainRows(weight), ids, positions }) =>
      add(embedRows(EMBEDDINGS, ids), embedRows(POSITIONS, positions)),
    runLayer: (hidden, inputs) => runLayer(config, hidden, inputs),
    finish: (hidden, { weight }) =>
      normalize(hidden, { weight, name: "transformer.ln_f", epsilon: config.epsilon }),
  };
}

function readConfig(reader: ConfigReader): Gpt2Config {
  const hiddenSize = reader.integer("n_embd", 768);
  const numHeads = reader.integer("n_head", 12);
  if (hiddenSize % numHeads !== 0) {
    reader.fail("n_head", `must divide n_embd, which is ${hiddenSize}`);
  }
  reader.expect("activation_function", ACTIVATIONS);
  // `n_ctx` repeats `n_positions`, the summary is of models that classify, and the rest is how things are computed.
  reader.ignore("n_ctx", "summary_activation", "summary_first_dropout", "summary_proj_to_labels");
  reader.ignore("summary_type", "summary_use_proj", "reorder_and_upcast_attn", "output_past");
  // Of the first files; without special tokens it says nothing whether they are predicted.
  reader.expect("n_special", [0]);
  reader.ignore("predict_special_tokens");
  const scaled = reader.boolean("scale_attn_weights", true);
  const byLayer = reader.boolean("scale_attn_by_inverse_layer_idx", false);
  return {
    hiddenSize,
    numHeads,
    intermediateSize: reader.integer("n_inner", 4 * hiddenSize),
    numLayers: reader.integer("n_layer", 12),
    vocabSize: reader.integer("vocab_size", 50_257),
    maxPositions: reader.integer("n_positions", 1024),
    epsilon: reader.number("layer_norm_epsilon", 1e-5),
    initializerRange: reader.number("initializer_range", 0.02),
    tied: reader.boolean("tie_word_embeddings", true),
    attentionScale: (layer) =>
      (scaled ? (hiddenSize / numHeads) ** -0.5 : 1) / (byLayer ? layer + 1 : 1),
  };
}

/** Positions are learned, and every token sees all before it. */
function attentionKind(headDim: number): AttentionKind {
  return { rope: null, rotaryDim: headDim, window: null };
}

type LayerProjections = Readonly<
  Record<"queryKeyValue" | "attentionOutput" | "up" | "down", Projection>
>;

/** Returns the linear layers of layer `index`, in the order in which checkpoints have them. */
function layerProjections(
  { hiddenSize, intermediateSize }: Gpt2Config,
  index: number,
): LayerProjections {
  const projection = (
    name: string,
    [inFeatures, outFeatures]: readonly [number, number],
  ): Projection => ({
    name: `transformer.h.${index}.${name}`,
    inFeatures,
    outFeatures,
    biased: true,
    transposed: true,
  });
  return {
    queryKeyValue: projection("attn.c_attn", [hiddenSize, 3 * hiddenSize]),
    attentionOutput: projection("attn.c_proj", [hiddenSize, hiddenSize]),
    up: projection("mlp.c_fc", [hiddenSize, intermediateSize]),
    down: projection("mlp.c_proj", [intermediateSize, hiddenSize]),
  };
}

function gpt2Weights(config: Gpt2Config): WeightSpec[] {
  const { hiddenSize, vocabSize, maxPositions, numLayers, tied } = config;
  const norm = (name: string): WeightSpec[] => [
    { name: `${name}.weight`, shape: [hiddenSize], init: "ones" },
    { name: `${name}.bias`, shape: [hiddenSize], init: "zeros" },
  ];
  // What is added to the hidden states twice in each layer starts smaller, the more layers there are.
  const residualWeights = (projection: Projection): WeightSpec[] =>
    projectionWeights(projection).map((spec) => ({ ...spec, initScale: (2 * numLayers) ** -0.5 }));
  const layer = (index: number): WeightSpec[] => {
    const { queryKeyValue, attentionOutput, up, down } = layerProjections(config, index);
    return [
      ...norm(`transformer.h.${index}.ln_1`),
      ...projectionWeights(queryKeyValue),
      ...residualWeights(attentionOutput),
      ...norm(`transformer.h.${index}.ln_2`),
      ...projectionWeights(up),
      ...residualWeights(down),
    ];
  };
  const body: WeightSpec[] = [
    { name: EMBEDDINGS, shape: [vocabSize, hiddenSize], init: "normal" },
    { name: POSITIONS, shape: [maxPositions, hiddenSize], init: "normal" },
    ...Array.from({ length: numLayers }, (_, index) => layer(index)).flat(),
    ...norm("transformer.ln_f"),
  ];
  // The files of the first GPT-2s name what is inside `transformer` alone; tied matrices may be stored as either.
  const named = body.map((spec): WeightSpec => {
    const short = spec.name.replace(/^transformer\./, "");
    const isTied = tied && spec.name === EMBEDDINGS;
    return { ...spec, aliases: isTied ? [short, "lm_head.weight"] : [short] };
  });
  if (tied) return named;
  return [...named, { name: "lm_head.weight", shape: [vocabSize, hiddenSize], init: "normal" }];
}

function runLayer(config: Gpt2Config, hidden: Value, inputs: LayerInputs): LayerOutputs {
  const { weight, contexts, past, layer, project = plainProject(weight) } = inputs;
  const { attend = plainAttend } = inputs;
  const { hiddenSize, numHeads, epsilon } = config;
  const projections = layerProjections(config, layer);
  const norm = (x: Value, name: string): Value =>
    normalize(x, { weight, name: `transformer.h.${layer}.${name}`, epsilon });

  const features = project(norm(hidden, "ln_1"), projections.queryKeyValue);
  const [query, key, value] = cutFeatures(features, [hiddenSize, hiddenSize, hiddenSize])
    .map((part) => splitFeatures(part, hiddenSize / numHeads));
  const { output, fresh, present } = attend({
    query: query!,
    key: key!,
    value: value!,
    kind: attentionKind(hiddenSize / numHeads),
    context: contexts[0]!,
    past,
    scale: config.attentionScale(layer),
  });
  const attended = add(hidden, project(output, projections.attentionOutput));
  const inner = geluTanh(project(norm(attended, "ln_2"), projections.up));
  return { hidden: add(attended, project(inner, projections.down)), fresh, present };
}

function normalize(
  x: Value,
  { weight, name, epsilon }: {
    readonly weight: (name: string) => Value;
    readonly name: string;
    readonly epsilon: number;
  },
): Value {
  return layerNorm(x, { weight: weight(`${name}.weight`), bias: weight(`${name}.bias`), epsilon });
}
