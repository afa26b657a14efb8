/**
 * What the head of a model makes of hidden states: the losses of tokens.
 *
 * @module
 */

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
import { chunkSize } from "./head_chunks.ts";
import type { BoundWeights } from "./trainee.ts";

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
    const targets = input(chunk.name, "int64", [chunk.end - chunk.start, 1]);
    return tokenLosses(slice(hidden, { axis: 0, ...chunk }), { weights, targets, labelSmoothing });
  });
  const all = losses.length === 1 ? losses[0]! : concat(losses, 0);
  const weighted = mul(all, input("token_weights", "float32", [tokens!, 1]));
  return reshape(reduceSum(weighted, [0, 1]), []);
}

/** Describes the loss of each row of hidden states, [rows, 1]. */
export function tokenLosses(
  hidden: Value,
  { weights, targets, labelSmoothing }: Omit<HeadOptions, "vocabSize"> & {
    /** The right ids, int64 [rows, 1]. */
    readonly targets: Value;
  },
): Value {
  const hard = weights.crossEntropy(hidden, { name: weights.outputWeight, targets });
  if (labelSmoothing === 0) return hard;
  return add(hard, smoothing(hidden, { weights, targets, part: labelSmoothing }));
}

/** Tokens whose targets are one input of the graph. */
export interface TargetChunk {
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
export function targetChunks(tokens: number, vocabSize: number): TargetChunk[] {
  const size = chunkSize(tokens, { vocabSize, maxLogits: MAX_LOGITS });
  return Array.from({ length: Math.ceil(tokens / size) }, (_, index) => ({
    name: size === tokens ? "targets" : `targets.${index}`,
    start: index * size,
    end: Math.min((index + 1) * size, tokens),
  }));
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
