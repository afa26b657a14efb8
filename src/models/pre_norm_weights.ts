/**
 * The linear layers and the weights of a pre-norm decoder, named as checkpoints name them.
 *
 * @module
 */

import { type Projection, projectionWeights, type WeightSpec } from "./language_model.ts";
import type { PreNormConfig } from "./pre_norm_config.ts";

/** The linear layers of one layer. */
export interface LayerProjections {
  /** To queries, keys and values: one each, or one for all. */
  readonly queryKeyValue: readonly Projection[];
  /** From what attention mixes. */
  readonly attentionOutput: Projection;
  /** To the gate and what it gates: one each, or one for both. */
  readonly gateUp: readonly Projection[];
  /** From the middle of the feed-forward network. */
  readonly down: Projection;
}

/** Returns the widths of queries, keys and values. */
export function queryKeyValueWidths(
  { numHeads, numKeyValueHeads, headDim }: PreNormConfig,
): [query: number, key: number, value: number] {
  return [numHeads * headDim, numKeyValueHeads * headDim, numKeyValueHeads * headDim];
}

/** Returns the linear layers of layer `index`. */
export function layerProjections(config: PreNormConfig, index: number): LayerProjections {
  const {
    hiddenSize,
    intermediateSize,
    fusedProjections = false,
    queryKeyValueBias = false,
    attentionOutputBias = false,
    mlpBias = false,
  } = config;
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
  const [queryWidth, keyWidth, valueWidth] = queryKeyValueWidths(config);
  const attentionInput = (name: string, width: number) =>
    projection(`self_attn.${name}`, [width, hiddenSize], queryKeyValueBias);
  const mlpInput = (name: string, width: number) =>
    projection(`mlp.${name}`, [width, hiddenSize], mlpBias);
  return {
    queryKeyValue: fusedProjections
      ? [attentionInput("qkv_proj", queryWidth + keyWidth + valueWidth)]
      : [
        attentionInput("q_proj", queryWidth),
        attentionInput("k_proj", keyWidth),
        attentionInput("v_proj", valueWidth),
      ],
    attentionOutput: projection("self_attn.o_proj", [hiddenSize, queryWidth], attentionOutputBias),
    gateUp: fusedProjections
      ? [mlpInput("gate_up_proj", 2 * intermediateSize)]
      : [mlpInput("gate_proj", intermediateSize), mlpInput("up_proj", intermediateSize)],
    down: projection("mlp.down_proj", [hiddenSize, intermediateSize], mlpBias),
  };
}

/** Returns the linear layers of every layer, in the order in which checkpoints have them. */
export function decoderProjections(config: PreNormConfig): Projection[] {
  return Array.from({ length: config.numLayers }, (_, index) => {
    const { queryKeyValue, attentionOutput, gateUp, down } = layerProjections(config, index);
    return [...queryKeyValue, attentionOutput, ...gateUp, down];
  }).flat();
}

/** Returns every weight, in the order in which checkpoints have them. */
export function decoderWeights(config: PreNormConfig): WeightSpec[] {
  const { hiddenSize, headDim, vocabSize, tied, queryKeyNorm, postNorms, normsAroundOne } = config;
  const matrix = (name: string): WeightSpec => ({
    name,
    shape: [vocabSize, hiddenSize],
    init: "normal",
  });
  const norm = (name: string, width: number): WeightSpec => ({
    name: `${name}.weight`,
    shape: [width],
    init: normsAroundOne ? "zeros" : "ones",
  });
  const layer = (index: number): WeightSpec[] => {
    const prefix = `model.layers.${index}`;
    const { queryKeyValue, attentionOutput, gateUp, down } = layerProjections(config, index);
    return [
      ...[...queryKeyValue, attentionOutput].flatMap(projectionWeights),
      ...(queryKeyNorm
        ? [
          norm(`${prefix}.self_attn.q_norm`, headDim),
          norm(`${prefix}.self_attn.k_norm`, headDim),
        ]
        : []),
      ...[...gateUp, down].flatMap(projectionWeights),
      norm(`${prefix}.input_layernorm`, hiddenSize),
      norm(`${prefix}.post_attention_layernorm`, hiddenSize),
      ...(postNorms
        ? [
          norm(`${prefix}.pre_feedforward_layernorm`, hiddenSize),
          norm(`${prefix}.post_feedforward_layernorm`, hiddenSize),
        ]
        : []),
    ];
  };
  const embeddings = matrix("model.embed_tokens.weight");
  return [
    // Of two tied matrices, files often store only one.
    tied ? { ...embeddings, aliases: ["lm_head.weight"] } : embeddings,
    ...Array.from({ length: config.numLayers }, (_, index) => layer(index)).flat(),
    norm("model.norm", hiddenSize),
    ...(tied ? [] : [matrix("lm_head.weight")]),
  ];
}
