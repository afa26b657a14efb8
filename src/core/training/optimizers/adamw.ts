/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch orders its operations.
 *
 * @module
 */

import type { UpdateStep } from "./update_step.ts";

/** Settings of AdamW that stay the same during a run. */
export interface AdamWConfig {
  /** Which optimizer it is. */
  readonly kind: "adamw";
  /** Decay of the mean of gradients. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients. */
  readonly beta2: number;
  /** Added to the root of the mean square. */
  readonly epsilon: number;
  /** Part of the learning rate by which weights that decay shrink. */
  readonly weightDecay: number;
}

/**
 * The factors of one step, in the form in which the inner loop uses them: with g = gradient · gradientScale,
 * mean += (g − mean) · (1 − beta1), square = square · beta2 + g² · (1 − beta2), and
 * weight = weight · keep − stepSize · mean / (√square · rootScale + epsilon).
 */
export interface AdamWFactors {
  /** Factor of the gradient: what clipping leaves of it. */
  readonly gradientScale: number;
  /** Factor of the weight before its update: 1 − learningRate · weightDecay. */
  readonly keep: number;
  /** Factor of the corrected mean: learningRate / (1 − beta1^step). */
  readonly stepSize: number;
  /** Factor of the root of the mean square: 1 / sqrt(1 − beta2^step). */
  readonly rootScale: number;
  /** As configured. */
  readonly beta1: number;
  /** As configured. */
  readonly beta2: number;
  /** As configured. */
  readonly epsilon: number;
}

/** Returns the factors of one step. */
export function adamWFactors(config: AdamWConfig, step: UpdateStep): AdamWFactors {
  const { beta1, beta2, epsilon, weightDecay } = config;
  return {
    gradientScale: step.gradientScale,
    keep: step.decay ? 1 - step.learningRate * weightDecay : 1,
    stepSize: step.learningRate / (1 - beta1 ** step.step),
    rootScale: 1 / Math.sqrt(1 - beta2 ** step.step),
    beta1,
    beta2,
    epsilon,
  };
}
