/**
 * NEFTune (Jain et al., 2023): noise on the embeddings of what is trained, against learning the data by heart.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { createRandom, deriveSeed } from "../../utils/random.ts";

/** What the noise of a micro-batch follows from, so that a resumed run draws the same. */
export interface NoisePlace {
  /** Seed of the run. */
  readonly seed: number;
  /** Number of the optimizer step, counted from 1. */
  readonly step: number;
  /** Number of the micro-batch within the step, counted from 0. */
  readonly microBatch: number;
}

/** How much noise is drawn. */
export interface NoiseOptions {
  /** Strength: elements lie within ± alpha / √(seqLen · hiddenSize). */
  readonly alpha: number;
  /** Rows of the micro-batch. */
  readonly batch: number;
  /** Tokens of each row, padding included. */
  readonly seqLen: number;
  /** Width of the embeddings. */
  readonly hiddenSize: number;
}

/** Draws the noise of one micro-batch, [batch, seqLen, hiddenSize]. */
export function embeddingNoise(
  { seed, step, microBatch }: NoisePlace,
  { alpha, batch, seqLen, hiddenSize }: NoiseOptions,
): Tensor<"float32"> {
  const random = createRandom(deriveSeed(deriveSeed(seed, step), microBatch));
  const bound = alpha / Math.sqrt(seqLen * hiddenSize);
  const noise = new Float32Array(batch * seqLen * hiddenSize);
  for (let i = 0; i < noise.length; i++) noise[i] = (2 * random.next() - 1) * bound;
  return tensor("float32", [batch, seqLen, hiddenSize], noise);
}

/** Draws the noise of a micro-batch of a step. */
export type DrawNoise = (
  step: number,
  microBatch: number,
  shape: { readonly batch: number; readonly seqLen: number },
) => Tensor<"float32">;

/** Settings of {@linkcode createNoise}. */
export interface NoiseSettings {
  /** Strength of the noise; null adds none. */
  readonly neftuneAlpha: number | null;
  /** Seed of the run. */
  readonly seed: number;
  /** Width of the embeddings. */
  readonly hiddenSize: number;
}

/** Returns what draws a run's noise; `undefined` where there is none. */
export function createNoise(
  { neftuneAlpha: alpha, seed, hiddenSize }: NoiseSettings,
): DrawNoise | undefined {
  if (alpha === null || alpha === 0) return undefined;
  return (step, microBatch, { batch, seqLen }) =>
    embeddingNoise({ seed, step, microBatch }, { alpha, batch, seqLen, hiddenSize });
}
