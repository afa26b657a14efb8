/**
 * NEFTune (Jain et al., 2023): noise on the embeddings of what is trained, against learning the data by heart.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { createRandom, deriveSeed } from "../../utils/random.ts";

/** The input that is added to the embeddings, float32 [batch, seqLen, hiddenSize]. */
export const EMBEDDING_NOISE = "embedding_noise";

/** How much noise is drawn, and what it follows from. */
export interface NoiseOptions {
  /** Strength: elements lie within ± alpha / √(seqLen · hiddenSize). */
  readonly alpha: number;
  /** Seed of the micro-batch. */
  readonly seed: number;
  /** Rows of the micro-batch. */
  readonly batch: number;
  /** Tokens of each row, padding included. */
  readonly seqLen: number;
  /** Width of the embeddings. */
  readonly hiddenSize: number;
}

/** Sets the noise apart from what else is random in a micro-batch. */
const NOISE_STREAM = 0x4e454654;

/** Draws the noise of one micro-batch, [batch, seqLen, hiddenSize]. */
export function embeddingNoise(options: NoiseOptions): Tensor<"float32"> {
  const { alpha, seed, batch, seqLen, hiddenSize } = options;
  const random = createRandom(deriveSeed(seed, NOISE_STREAM));
  const bound = alpha / Math.sqrt(seqLen * hiddenSize);
  const noise = new Float32Array(batch * seqLen * hiddenSize);
  for (let i = 0; i < noise.length; i++) noise[i] = (2 * random.next() - 1) * bound;
  return tensor("float32", [batch, seqLen, hiddenSize], noise);
}

/** Returns what a training graph is fed of noise: nothing where `alpha` is null. */
export function noiseFeeds(
  options: Omit<NoiseOptions, "alpha"> & { readonly alpha: number | null },
): Record<string, Tensor> {
  const { alpha } = options;
  return alpha === null ? {} : { [EMBEDDING_NOISE]: embeddingNoise({ ...options, alpha }) };
}
