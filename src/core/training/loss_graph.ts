/**
 * The graph of the training loss: next-token cross-entropy, each token weighted.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { IGNORED_LABEL } from "../../datasets/labels.ts";
import {
  add,
  constant,
  gather,
  input,
  linearCrossEntropy,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  sub,
} from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import {
  type AttentionContext,
  forward,
  type ForwardInputs,
  type LanguageModel,
} from "../../models/language_model.ts";
import { angleTables, ropeAngles } from "../../models/rope.ts";
import { EMBEDDING_NOISE } from "./neftune.ts";
import { bindWeights, type Trainee, type WeightValues } from "./trainee.ts";

/** The shape of a micro-batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of each row, padding included. */
  readonly seqLen: number;
}

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

/** Scores this low have no weight after softmax. */
const MASKED_SCORE = -1e9;

/** Describes the sum of all token losses, each times its weight, of one micro-batch: a scalar. */
export function lossGraph(
  trainee: Trainee,
  { shape, values, regularization }: LossGraphOptions,
): Value {
  const { labelSmoothing = 0, neftuneAlpha = null } = regularization ?? {};
  const model = neftuneAlpha === null ? trainee.model : withNoise(trainee.model, shape);
  const { batch, seqLen } = shape;
  const { weight, project, outputWeight } = bindWeights(trainee, values);
  const { hidden } = forward(model, {
    weight,
    project,
    ids: input("ids", "int64", [batch, seqLen, 1]),
    ...sequenceInputs(model, seqLen),
  });
  const rows = reshape(hidden, [batch * seqLen, model.hiddenSize]);
  const prediction = {
    weight: weight(outputWeight),
    targets: input("targets", "int64", [batch * seqLen, 1]),
  };
  const hard = linearCrossEntropy(rows, prediction);
  const losses = labelSmoothing === 0
    ? hard
    : add(hard, smoothing(rows, { ...prediction, part: labelSmoothing }));
  const weighted = mul(losses, input("token_weights", "float32", [batch * seqLen, 1]));
  return reshape(reduceSum(weighted, [0, 1]), []);
}

/**
 * Describes what label smoothing adds to each row's loss: `part` of how far the logit of the target is above the mean of
 * all logits. That mean is of a product, so it is the product with the mean of the output matrix's rows, and no array of
 * logits is kept for it.
 */
function smoothing(
  hidden: Value,
  { weight, targets, part }: {
    readonly weight: Value;
    readonly targets: Value;
    readonly part: number;
  },
): Value {
  const target = mul(gather(weight, targets), scalar(part));
  const mean = mul(reduceMean(weight, [0]), scalar(part));
  return reduceSum(mul(hidden, sub(target, mean)), [1]);
}

/** The model with the noise added to its embeddings. */
function withNoise(model: LanguageModel, { batch, seqLen }: BatchShape): LanguageModel {
  const noise = input(EMBEDDING_NOISE, "float32", [batch, seqLen, model.hiddenSize]);
  return { ...model, embed: (inputs) => add(model.embed(inputs), noise) };
}

/** Describes positions, angles and masks of rows that all begin at position 0 and are padded on the right. */
export function sequenceInputs(
  model: LanguageModel,
  seqLen: number,
): Pick<ForwardInputs, "positions" | "contexts"> {
  const positions = Array.from({ length: seqLen }, (_, i) => i);
  // Padding may reach beyond the last position that is learned.
  const learned = positions.map((position) => BigInt(Math.min(position, model.maxPositions - 1)));
  return {
    positions: constant(tensor("int64", [1, seqLen, 1], BigInt64Array.from(learned))),
    contexts: model.attentionKinds.map(({ rope, rotaryDim, window }): AttentionContext => {
      const tables = rope && angleTables(ropeAngles(rope, rotaryDim), positions);
      return {
        angles: tables === null ? undefined : {
          positions: constant(tensor("int64", [1], BigInt64Array.of(0n))),
          cos: constant(tables.cos),
          sin: constant(tables.sin),
        },
        mask: constant(causalMask(seqLen, window)),
      };
    }),
  };
}

/**
 * Returns a mask [1, 1, seqLen, seqLen] that lets each token see itself and those before it, at most `window` in all.
 * Rows are padded on the right only, so looking back never meets padding.
 */
function causalMask(seqLen: number, window: number | null): Tensor<"float32"> {
  const mask = new Float32Array(seqLen * seqLen);
  for (let row = 0; row < seqLen; row++) {
    mask.fill(MASKED_SCORE, row * seqLen + row + 1, (row + 1) * seqLen);
    if (window !== null) {
      mask.fill(MASKED_SCORE, row * seqLen, row * seqLen + Math.max(0, row + 1 - window));
    }
  }
  return tensor("float32", [1, 1, seqLen, seqLen], mask);
}
