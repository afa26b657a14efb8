/**
 * The graph of the training loss: next-token cross-entropy, each token weighted.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { IGNORED_LABEL } from "../../datasets/labels.ts";
import {
  add,
  concat,
  input,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  slice,
  sub,
} from "../../engine/graph/build.ts";
import { staticShape, type Value } from "../../engine/graph/value.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { type Attend, plainAttend } from "../../models/attention.ts";
import { forward, type LanguageModel } from "../../models/language_model.ts";
import { chunkSize } from "./head_chunks.ts";
import { EMBEDDING_NOISE } from "./neftune.ts";
import { type BatchShape, sequenceInputs } from "./sequence_inputs.ts";
import { bindWeights, type BoundWeights, type Trainee, type WeightValues } from "./trainee.ts";

/** What makes the loss that is trained harder than the one that is evaluated. */
export interface LossRegularization {
  /** The part of each target that is shared out evenly over all tokens. */
  readonly labelSmoothing: number;
  /** Strength of the noise on embeddings; null adds none. */
  readonly neftuneAlpha: number | null;
}

/** Options of {@linkcode lossGraph}. */
export interface LossGraphOptions {
  /** What makes the loss harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
  /** The shape of the micro-batch. */
  readonly shape: BatchShape;
  /** The values that stand for weights. */
  readonly values: WeightValues;
  /** Computes the attention of layers. @default {plainAttend} */
  readonly attend?: Attend;
}

/** A micro-batch as the graph reads it; the keys are the names of its inputs. */
export interface LossFeeds {
  /** Token ids, int64 [batch, seqLen, 1]. */
  readonly ids: Tensor<"int64">;
  /** The token that follows each, int64 [batch · seqLen, 1]; 0 where none is trained. */
  readonly targets: Tensor<"int64">;
  /** Weight of each token's loss, float32 [batch · seqLen, 1]; 0 where none is trained. */
  readonly token_weights: Tensor<"float32">;
}

/** Returns what the graph reads of a micro-batch, with each trained token's loss weighted by `tokenWeight`. */
export function lossFeeds(
  batch: MicroBatch,
  tokenWeight: number,
): LossFeeds & Record<string, Tensor> {
  const { ids, labels, seqLen } = batch;
  const count = ids.length;
  const idsWide = new BigInt64Array(count);
  const targets = new BigInt64Array(count);
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    idsWide[i] = BigInt(ids[i]!);
    if (labels[i] === IGNORED_LABEL) continue;
    targets[i] = BigInt(labels[i]!);
    weights[i] = tokenWeight;
  }
  return {
    ids: tensor("int64", [count / seqLen, seqLen, 1], idsWide),
    targets: tensor("int64", [count, 1], targets),
    token_weights: tensor("float32", [count, 1], weights),
  };
}

/** What {@linkcode lossGraph} describes. */
export interface LossValues {
  /** The sum of all token losses, each times its weight: a scalar. */
  readonly loss: Value;
  /** The hidden states between layers, between which activations need not be kept. */
  readonly states: readonly Value[];
}

/** Describes the training loss of one micro-batch. */
export function lossGraph(
  trainee: Trainee,
  { shape, values, regularization, attend = plainAttend }: LossGraphOptions,
): LossValues {
  const { labelSmoothing = 0 } = regularization ?? {};
  const model = regularized(trainee.model, { shape, regularization });
  const { batch, seqLen } = shape;
  const weights = bindWeights(trainee, values);
  const { hidden, states } = forward(model, {
    ...weights,
    attend,
    ids: input("ids", "int64", [batch, seqLen, 1]),
    ...sequenceInputs(model, shape),
  });
  const rows = reshape(hidden, [batch * seqLen, model.hiddenSize]);
  const { vocabSize } = model;
  return { loss: headLoss(rows, { weights, vocabSize, labelSmoothing }), states };
}

/** What {@linkcode headLoss} predicts tokens by. */
export interface HeadOptions {
  /** How it gets at the output matrix. */
  readonly weights: BoundWeights;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** The part of each target that is shared out evenly over all tokens. */
  readonly labelSmoothing: number;
}

/**
 * Describes the sum of token losses, each times its weight, of normalised hidden states [tokens, hiddenSize]. The tokens
 * are taken in chunks, so that the logits of all of them never exist together.
 */
export function headLoss(
  hidden: Value,
  { weights, vocabSize, labelSmoothing }: HeadOptions,
): Value {
  const [tokens] = staticShape(hidden.shape);
  const losses = targetChunks(tokens!, vocabSize).map((chunk) => {
    const rows = slice(hidden, { axis: 0, ...chunk });
    const targets = input(chunk.name, "int64", [chunk.end - chunk.start, 1]);
    const hard = weights.crossEntropy(rows, { name: weights.outputWeight, targets });
    return labelSmoothing === 0
      ? hard
      : add(hard, smoothing(rows, { weights, targets, part: labelSmoothing }));
  });
  const all = losses.length === 1 ? losses[0]! : concat(losses, 0);
  const weighted = mul(all, input("token_weights", "float32", [tokens!, 1]));
  return reshape(reduceSum(weighted, [0, 1]), []);
}

/** Tokens whose targets are one input of the graph. */
interface TargetChunk {
  /** Name of the input. */
  readonly name: string;
  /** The first of them. */
  readonly start: number;
  /** Before this one. */
  readonly end: number;
}

/** The most logits of a chunk, 128 MiB: with fewer, the output matrix is read so often that the step takes longer. */
const MAX_LOGITS = 2 ** 25;

/** Returns the chunks in which the targets of `tokens` tokens are fed: GPUs cannot cut int64. */
function targetChunks(tokens: number, vocabSize: number): TargetChunk[] {
  const size = chunkSize(tokens, { vocabSize, maxLogits: MAX_LOGITS });
  return Array.from({ length: Math.ceil(tokens / size) }, (_, index) => ({
    name: size === tokens ? "targets" : `targets.${index}`,
    start: index * size,
    end: Math.min((index + 1) * size, tokens),
  }));
}

/** Returns what {@linkcode lossGraph} reads of a micro-batch by a model of `vocabSize` tokens. */
export function wholeLossFeeds(
  batch: MicroBatch,
  { tokenWeight, vocabSize }: { readonly tokenWeight: number; readonly vocabSize: number },
): Record<string, Tensor> {
  const { targets, ...feeds } = lossFeeds(batch, tokenWeight);
  const chunks = targetChunks(targets.data.length, vocabSize).map(({ name, start, end }) =>
    [name, tensor("int64", [end - start, 1], targets.data.subarray(start, end))] as const
  );
  return { ...feeds, ...Object.fromEntries(chunks) };
}

/**
 * Describes what label smoothing adds to each row's loss: `part` of how far the logit of the target is above the mean of
 * all logits. That mean is of a product, so it is the product with the mean of the output matrix's rows, and no array of
 * logits is kept for it.
 */
function smoothing(
  hidden: Value,
  { weights: { outputWeight, embedRows, weight }, targets, part }: {
    readonly weights: BoundWeights;
    readonly targets: Value;
    readonly part: number;
  },
): Value {
  const target = mul(embedRows(outputWeight, targets), scalar(part));
  const mean = mul(reduceMean(weight(outputWeight), [0]), scalar(part));
  return reduceSum(mul(hidden, sub(target, mean)), [1]);
}

/** Returns the model with noise added to its embeddings, if it is asked for. */
export function regularized(
  model: LanguageModel,
  { shape: { batch, seqLen }, regularization }: Pick<LossGraphOptions, "shape" | "regularization">,
): LanguageModel {
  if ((regularization?.neftuneAlpha ?? null) === null) return model;
  const noise = input(EMBEDDING_NOISE, "float32", [batch, seqLen, model.hiddenSize]);
  return { ...model, embed: (inputs) => add(model.embed(inputs), noise) };
}
