/**
 * Lion (Chen et al., 2023, algorithm 2): steps of one size, in the direction of the sign of a mean of gradients.
 *
 * @module
 */

import type { ElementRange, UpdateStep } from "./update_step.ts";

/** Settings of Lion that stay the same during a run. */
export interface LionConfig {
  /** Which optimizer it is. */
  readonly kind: "lion";
  /** Part of the mean in the direction. */
  readonly beta1: number;
  /** Decay of the mean of gradients. */
  readonly beta2: number;
  /** Part of the learning rate by which weights that decay shrink. */
  readonly weightDecay: number;
}

/** What one step needs. */
export interface LionFactors {
  /** Factor of the gradient. */
  readonly gradientScale: number;
  /** Factor of the weight before its update. */
  readonly keep: number;
  /** Learning rate. */
  readonly learningRate: number;
  /** As configured. */
  readonly beta1: number;
  /** As configured. */
  readonly beta2: number;
}

/** Returns the factors of one step. */
export function lionFactors(config: LionConfig, step: UpdateStep): LionFactors {
  const { beta1, beta2, weightDecay } = config;
  return {
    gradientScale: step.gradientScale,
    keep: step.decay ? 1 - step.learningRate * weightDecay : 1,
    learningRate: step.learningRate,
    beta1,
    beta2,
  };
}

/** The arrays that Lion works on. */
export interface LionArrays {
  /** Weights; updated. */
  readonly weights: Float32Array;
  /** Gradients. */
  readonly gradients: Float32Array;
  /** Means of gradients; updated. */
  readonly means: Float32Array;
}

/** Updates a range of weights. */
export function updateLion(
  { weights, gradients, means }: LionArrays,
  { range: { from, to }, factors }: { readonly range: ElementRange; readonly factors: LionFactors },
): void {
  const { gradientScale, keep, learningRate, beta1, beta2 } = factors;
  for (let i = from; i < to; i++) {
    const gradient = gradients[i]! * gradientScale;
    const mean = means[i]!;
    const direction = Math.sign(mean * beta1 + gradient * (1 - beta1));
    weights[i] = weights[i]! * keep - learningRate * direction;
    means[i] = mean * beta2 + gradient * (1 - beta2);
  }
}
