/**
 * The graph of the training loss: next-token cross-entropy, each token weighted.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { IGNORED_LABEL } from "../../datasets/labels.ts";
import { add, input, reshape } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { type Attend, plainAttend } from "../../models/attention.ts";
import { inBands } from "../../models/banded_attention.ts";
import { forward, type LanguageModel } from "../../models/language_model.ts";
import { headLoss, targetChunks } from "./head_loss.ts";
import { EMBEDDING_NOISE } from "./neftune.ts";
import { type BatchShape, sequenceInputs } from "./sequence_inputs.ts";
import { trainedLoss } from "./trained_rows.ts";
import { bindWeights, type Trainee, type WeightValues } from "./trainee.ts";

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
  /** Computes the attention of layers without a band. @default {plainAttend} */
  readonly attend?: Attend;
  /**
   * Whether the head sees the trained tokens only, as many as a run names; for an output matrix that is not trained.
   * @default {false}
   */
  readonly trainedOnly?: boolean;
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
  const { ids, labels } = batch;
  const count = ids.length;
  const targets = new BigInt64Array(count);
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    if (labels[i] === IGNORED_LABEL) continue;
    targets[i] = BigInt(labels[i]!);
    weights[i] = tokenWeight;
  }
  return {
    ids: idsFeed(batch),
    targets: tensor("int64", [count, 1], targets),
    token_weights: tensor("float32", [count, 1], weights),
  };
}

/** Returns the token ids of a micro-batch, int64 [batch, seqLen, 1]. */
export function idsFeed({ ids, seqLen }: Pick<MicroBatch, "ids" | "seqLen">): Tensor<"int64"> {
  return tensor("int64", [ids.length / seqLen, seqLen, 1], BigInt64Array.from(ids, BigInt));
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
  { shape, values, regularization, attend = plainAttend, trainedOnly = false }: LossGraphOptions,
): LossValues {
  const { labelSmoothing = 0 } = regularization ?? {};
  const model = regularized(trainee.model, { shape, regularization });
  const { batch, seqLen } = shape;
  const weights = bindWeights(trainee, values);
  const { hidden, states } = forward(model, {
    ...weights,
    attend: inBands(attend),
    ids: input("ids", "int64", [batch, seqLen, 1]),
    ...sequenceInputs(model, shape),
  });
  const rows = reshape(hidden, [batch * seqLen, model.hiddenSize]);
  const { vocabSize } = model;
  const head = { weights, vocabSize, labelSmoothing };
  return { loss: trainedOnly ? trainedLoss(rows, head) : headLoss(rows, head), states };
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

/** Returns the model with noise added to its embeddings, if it is asked for. */
export function regularized(
  model: LanguageModel,
  { shape: { batch, seqLen }, regularization }: Pick<LossGraphOptions, "shape" | "regularization">,
): LanguageModel {
  if ((regularization?.neftuneAlpha ?? null) === null) return model;
  const noise = input(EMBEDDING_NOISE, "float32", [batch, seqLen, model.hiddenSize]);
  return { ...model, embed: (inputs) => add(model.embed(inputs), noise) };
}
