/**
 * Stochastic gradient descent with momentum, as PyTorch has it: weight decay is added to the gradient.
 *
 * @module
 */

import type { ElementRange, UpdateStep } from "./update_step.ts";

/** Settings of SGD that stay the same during a run. */
export interface SgdConfig {
  /** Which optimizer it is. */
  readonly kind: "sgd";
  /** What is kept of the last steps' direction; 0 keeps nothing. */
  readonly momentum: number;
  /** Whether it looks one step ahead (Nesterov). */
  readonly nesterov: boolean;
  /** Part of weights that decay that is added to their gradients. */
  readonly weightDecay: number;
}

/** What one step needs. */
export interface SgdFactors {
  /** Factor of the gradient. */
  readonly gradientScale: number;
  /** Factor of the weight in its gradient. */
  readonly weightDecay: number;
  /** Learning rate. */
  readonly learningRate: number;
  /** Factor of the direction before. */
  readonly momentum: number;
  /** Part of the gradient in the change. */
  readonly gradientPart: number;
  /** Part of the direction in the change: with Nesterov, the gradient and `momentum` times the direction. */
  readonly bufferPart: number;
}

/** Returns the factors of one step. */
export function sgdFactors(config: SgdConfig, step: UpdateStep): SgdFactors {
  const { momentum, nesterov, weightDecay } = config;
  return {
    gradientScale: step.gradientScale,
    weightDecay: step.decay ? weightDecay : 0,
    learningRate: step.learningRate,
    momentum,
    gradientPart: nesterov ? 1 : 0,
    bufferPart: nesterov ? momentum : 1,
  };
}

/** The arrays that SGD works on; without `buffer` there is no momentum. */
export interface SgdArrays {
  /** Weights; updated. */
  readonly weights: Float32Array;
  /** Gradients. */
  readonly gradients: Float32Array;
  /** Directions; updated. */
  readonly buffer: Float32Array | undefined;
}

/** Updates a range of weights. */
export function updateSgd(
  { weights, gradients, buffer }: SgdArrays,
  { range: { from, to }, factors }: { readonly range: ElementRange; readonly factors: SgdFactors },
): void {
  const { gradientScale, weightDecay, learningRate, momentum, gradientPart, bufferPart } = factors;
  if (buffer === undefined) {
    for (let i = from; i < to; i++) {
      weights[i]! -= learningRate * (gradients[i]! * gradientScale + weights[i]! * weightDecay);
    }
    return;
  }
  for (let i = from; i < to; i++) {
    const weight = weights[i]!;
    const gradient = gradients[i]! * gradientScale + weight * weightDecay;
    const direction = buffer[i]! * momentum + gradient;
    buffer[i] = direction;
    weights[i] = weight - learningRate * (gradient * gradientPart + direction * bufferPart);
  }
}
