/**
 * The tokens of a micro-batch in chunks of one size, for a head that would need too much memory for all at once.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LossFeeds } from "./loss_graph.ts";
import { HIDDEN } from "./model_parts.ts";

/** The most logits that a chunk has, 32 MiB: here memory comes before speed. */
const MAX_LOGITS = 2 ** 23;

/** Tokens that follow one another, counted over all rows. */
export interface TokenChunk {
  /** The first of them. */
  readonly start: number;
  /** How many they are. */
  readonly tokens: number;
  /** How many of them, from the first on, count in another chunk and not in this one. */
  readonly repeated: number;
}

/** Options of {@linkcode cutTokens}. */
export interface CutTokensOptions {
  /** Number of token ids. */
  readonly vocabSize: number;
  /** The most logits that a chunk has. @default {2 ** 23} */
  readonly maxLogits?: number | undefined;
}

/** Returns how many of `total` tokens a chunk has. */
export function chunkSize(
  total: number,
  { vocabSize, maxLogits = MAX_LOGITS }: CutTokensOptions,
): number {
  const most = Math.max(1, Math.floor(maxLogits / vocabSize));
  return Math.ceil(total / Math.ceil(total / most));
}

/**
 * Cuts `total` tokens into chunks of one size, the last first: where the size is no divisor, the last begins with tokens
 * of the one before, which is computed later and so has the last word on their gradients.
 */
export function cutTokens(
  total: number,
  { vocabSize, maxLogits = MAX_LOGITS }: CutTokensOptions,
): TokenChunk[] {
  const tokens = chunkSize(total, { vocabSize, maxLogits });
  return Array.from({ length: Math.ceil(total / tokens) }, (_, index) => {
    const start = Math.min(index * tokens, total - tokens);
    return { start, tokens, repeated: index * tokens - start };
  }).reverse();
}

/** Returns what the head is fed for a chunk: its part of a micro-batch and of the last hidden states. */
export function chunkFeeds(
  { start, tokens, repeated }: TokenChunk,
  { feeds: { targets, token_weights }, hidden }: {
    readonly feeds: LossFeeds;
    readonly hidden: Tensor<"float32">;
  },
): Record<string, Tensor> {
  const end = start + tokens;
  const weights = token_weights.data.slice(start, end).fill(0, 0, repeated);
  return {
    [HIDDEN]: chunkRows({ start, tokens }, hidden),
    targets: tensor("int64", [tokens, 1], targets.data.subarray(start, end)),
    token_weights: tensor("float32", [tokens, 1], weights),
  };
}

/** Returns a view of the rows [1, tokens, hiddenSize] that a chunk has of hidden states. */
export function chunkRows(
  { start, tokens }: Pick<TokenChunk, "start" | "tokens">,
  { shape, data }: Tensor<"float32">,
): Tensor<"float32"> {
  const width = shape.at(-1)!;
  const rows = data.subarray(start * width, (start + tokens) * width);
  return tensor("float32", [1, tokens, width], rows);
}
