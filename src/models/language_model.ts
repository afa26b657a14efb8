/**
 * What every architecture describes of a model: its weights, and its forward pass over the values of a graph.
 *
 * @module
 */

import type { RotaryAngles } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import type { RopeConfig } from "./rope.ts";

/** One weight of a model, spelled as checkpoints spell it. */
export interface WeightSpec {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** What it starts from when a model is trained from scratch: a normal distribution, ones or zeros. */
  readonly init: "normal" | "ones" | "zeros";
}

/** The keys and values that one layer has of earlier tokens. */
export interface LayerCache {
  /** [batch, numKeyValueHeads, tokens, headDim], rotated. */
  readonly key: Value;
  /** [batch, numKeyValueHeads, tokens, headDim]. */
  readonly value: Value;
}

/** What a forward pass reads. */
export interface ForwardInputs {
  /** Returns the weight of a name that {@linkcode LanguageModel.weights} lists. */
  readonly weight: (name: string) => Value;
  /** Token ids, int64 [batch, seqLen, 1]. */
  readonly ids: Value;
  /** Position of each token. */
  readonly angles: RotaryAngles;
  /** Added to the attention scores, [batch or 1, 1, seqLen, pastLen + seqLen]: 0 where a token may look. */
  readonly mask: Value;
  /** What each layer has of earlier tokens. @default {none} */
  readonly past?: readonly LayerCache[];
}

/** What a forward pass makes. */
export interface ForwardOutputs {
  /** Normalised hidden states, [batch, seqLen, hiddenSize]; logits are their product with the output matrix. */
  readonly hidden: Value;
  /** Keys and values of the tokens read now, by layer. */
  readonly fresh: readonly LayerCache[];
  /** Keys and values of earlier tokens and those read now, by layer. */
  readonly present: readonly LayerCache[];
}

/** A model of one architecture and size, without its weights. */
export interface LanguageModel {
  /** The architecture's name, `model_type` in `config.json`. */
  readonly modelType: string;
  /** The `config.json` it was made from, completed by defaults. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** The longest sequence it was made for, in tokens. */
  readonly maxPositions: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Number of layers. */
  readonly numLayers: number;
  /** Heads of keys and values in each layer. */
  readonly numKeyValueHeads: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Rotary position embeddings. */
  readonly rope: RopeConfig;
  /** Standard deviation of the normal distribution that matrices start from. */
  readonly initializerRange: number;
  /** Name of the output matrix [vocabSize, hiddenSize]; where it is tied, that of the embeddings. */
  readonly outputWeight: string;
  /** Every weight, in the order in which checkpoints are written. */
  readonly weights: readonly WeightSpec[];
  /** Describes the forward pass. */
  forward(inputs: ForwardInputs): ForwardOutputs;
}

/** Returns the number of parameters of a model. */
export function countParameters(model: LanguageModel): number {
  return model.weights.reduce(
    (total, { shape }) => total + shape.reduce((product, extent) => product * extent, 1),
    0,
  );
}
