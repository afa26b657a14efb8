/**
 * What every architecture describes of a model: its weights, and its forward pass over the values of a graph.
 *
 * @module
 */

import { add, gather, linear, type RotaryAngles } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import type { Attend } from "./attention.ts";
import type { RopeConfig } from "./rope.ts";

/** One weight of a model, spelled as checkpoints spell it. */
export interface WeightSpec {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** What it starts from when a model is trained from scratch: a normal distribution, ones or zeros. */
  readonly init: "normal" | "ones" | "zeros";
  /** Factor of the standard deviation of what starts normal. @default {1} */
  readonly initScale?: number;
  /** Other names under which checkpoints store it, where they do not have it under its own. @default {[]} */
  readonly aliases?: readonly string[];
}

/** The keys and values that one layer has of earlier tokens. */
export interface LayerCache {
  /** [batch, numKeyValueHeads, tokens, headDim], rotated. */
  readonly key: Value;
  /** [batch, numKeyValueHeads, tokens, headDim]. */
  readonly value: Value;
}

/** A linear layer of a model: what adapters attach to. */
export interface Projection {
  /** Name of the module; its matrix is `<name>.weight`, its bias `<name>.bias`. */
  readonly name: string;
  /** Width of what it reads. */
  readonly inFeatures: number;
  /** Width of what it makes. */
  readonly outFeatures: number;
  /** Whether it adds a bias. */
  readonly biased: boolean;
  /** Whether its matrix is stored [inFeatures, outFeatures], as GPT-2's are, and not the other way round. */
  readonly transposed: boolean;
}

/** Computes a linear layer of `x` [..., inFeatures]: [..., outFeatures]. */
export type Project = (x: Value, projection: Projection) => Value;

/** What the attention of some layers of a model has in common. */
export interface AttentionKind {
  /** Rotary position embeddings; null where positions are learned. */
  readonly rope: RopeConfig | null;
  /** How many elements of a head are rotated: `headDim`, or fewer of the first. */
  readonly rotaryDim: number;
  /** How many tokens back a token sees, itself included; null sees all. */
  readonly window: number | null;
}

/** What the layers of one kind of attention read. */
export interface AttentionContext {
  /** Angle of each position, of `rotaryDim / 2` pairs; `undefined` where the kind has no rope. */
  readonly angles: RotaryAngles | undefined;
  /** Added to the scores, [batch or 1, 1, seqLen, pastLen + seqLen]: 0 where a token may look. */
  readonly mask: Value;
  /**
   * Tokens of a block, where blocks look only at themselves and the one before: positions of angles are then
   * [batch · blocks, band], and the mask is [batch · blocks, 1, band, 2 · band]. @default {tokens look at all}
   */
  readonly band?: number | undefined;
}

/** Returns the rows of the matrix of a name that `ids` [..., 1] name: [..., width]. */
export type EmbedRows = (name: string, ids: Value) => Value;

/** What a forward pass reads. */
export interface ForwardInputs {
  /** Returns the weight of a name that {@linkcode LanguageModel.weights} lists. */
  readonly weight: (name: string) => Value;
  /** Computes the linear layers that {@linkcode LanguageModel.projections} lists. @default {plainProject} */
  readonly project?: Project;
  /** Computes the attention of layers. @default {plainAttend} */
  readonly attend?: Attend;
  /** Returns rows of an embedding matrix. @default {plainRows} */
  readonly embedRows?: EmbedRows;
  /** Token ids, int64 [batch, seqLen, 1]. */
  readonly ids: Value;
  /** Position of each token, int64 [batch or 1, seqLen, 1], for models with learned positions. */
  readonly positions: Value;
  /** One for each of {@linkcode LanguageModel.attentionKinds}. */
  readonly contexts: readonly AttentionContext[];
}

/** Where a layer stands. */
export interface LayerInputs extends ForwardInputs {
  /** Number of the layer, from 0. */
  readonly layer: number;
  /** What the layer has of earlier tokens. @default {nothing} */
  readonly past?: LayerCache | undefined;
}

/** What a layer makes. */
export interface LayerOutputs {
  /** [batch, seqLen, hiddenSize]. */
  readonly hidden: Value;
  /** Keys and values of the tokens read now, where `attend` makes them. */
  readonly fresh: LayerCache | undefined;
  /** Keys and values of earlier tokens and those read now. */
  readonly present: LayerCache;
}

/** What a forward pass makes. */
export interface ForwardOutputs {
  /** Normalised hidden states, [batch, seqLen, hiddenSize]; logits are their product with the output matrix. */
  readonly hidden: Value;
  /** What each layer reads, and at the end what the last one makes, [batch, seqLen, hiddenSize] each. */
  readonly states: readonly Value[];
  /** Keys and values of the tokens read now, by layer, where `attend` makes them. */
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
  /** The kinds of attention that its layers have, each once. */
  readonly attentionKinds: readonly AttentionKind[];
  /** Standard deviation of the normal distribution that matrices start from. */
  readonly initializerRange: number;
  /** Name of the output matrix [vocabSize, hiddenSize]; where it is tied, that of the embeddings. */
  readonly outputWeight: string;
  /** Every weight, in the order in which checkpoints are written. */
  readonly weights: readonly WeightSpec[];
  /** The linear layers inside its layers, in order; the output matrix is not among them. */
  readonly projections: readonly Projection[];
  /** Describes what the first layer reads, [batch, seqLen, hiddenSize]. */
  embed(inputs: ForwardInputs): Value;
  /** Describes one layer over hidden states [batch, seqLen, hiddenSize]. */
  runLayer(hidden: Value, inputs: LayerInputs): LayerOutputs;
  /** Describes what comes after the last layer: normalised hidden states [batch, seqLen, hiddenSize]. */
  finish(hidden: Value, inputs: ForwardInputs): Value;
}

/** Describes a whole forward pass; `past` is what each layer has of earlier tokens. */
export function forward(
  model: LanguageModel,
  inputs: ForwardInputs & { readonly past?: readonly LayerCache[] },
): ForwardOutputs {
  let hidden = model.embed(inputs);
  const states = [hidden];
  const fresh: LayerCache[] = [];
  const present: LayerCache[] = [];
  for (let layer = 0; layer < model.numLayers; layer++) {
    const made = model.runLayer(hidden, { ...inputs, layer, past: inputs.past?.[layer] });
    hidden = made.hidden;
    states.push(hidden);
    if (made.fresh !== undefined) fresh.push(made.fresh);
    present.push(made.present);
  }
  return { hidden: model.finish(hidden, inputs), states, fresh, present };
}

/** Returns the rows of a model's matrices as they are. */
export function plainRows(weight: (name: string) => Value): EmbedRows {
  return (name, ids) => gather(weight(name), ids);
}

/** Returns the linear layers of a model with nothing added: products with the matrices, and biases. */
export function plainProject(weight: (name: string) => Value): Project {
  return (x, { name, biased, transposed }) => {
    const matrix = weight(`${name}.weight`);
    const product = linear(x, matrix, { transposed });
    return biased ? add(product, weight(`${name}.bias`)) : product;
  };
}

/** Whether a model cannot go beyond its `maxPositions`: they are learned, or their angles would change there. */
export function endsAtMaxPositions({ attentionKinds }: LanguageModel): boolean {
  return attentionKinds.some(({ rope }) => rope === null || rope.type === "longrope");
}

/** Returns the weights of a linear layer. */
export function projectionWeights(
  { name, inFeatures, outFeatures, biased, transposed }: Projection,
): WeightSpec[] {
  const shape = transposed ? [inFeatures, outFeatures] : [outFeatures, inFeatures];
  return [
    { name: `${name}.weight`, shape, init: "normal" },
    ...(biased ? [{ name: `${name}.bias`, shape: [outFeatures], init: "zeros" } as const] : []),
  ];
}

/** Returns the number of parameters of a model, or of any list of weights. */
export function countParameters({ weights }: Pick<LanguageModel, "weights">): number {
  return weights.reduce(
    (total, { shape }) => total + shape.reduce((product, extent) => product * extent, 1),
    0,
  );
}
