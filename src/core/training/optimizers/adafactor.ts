/**
 * Adafactor (Shazeer and Stern, 2018): of the mean squared gradient of a matrix only the means of its rows and columns
 * are kept. There are two of it, which users of PyTorch know: that of `transformers` and that of `torch.optim`.
 *
 * @module
 */

import type { UpdateStep } from "./update_step.ts";

/** Whose Adafactor. */
export const ADAFACTOR_VARIANTS = ["transformers", "torch"] as const;

/** Settings of Adafactor that stay the same during a run. */
export interface AdafactorConfig {
  /** Which optimizer it is. */
  readonly kind: "adafactor";
  /** Whose. */
  readonly variant: (typeof ADAFACTOR_VARIANTS)[number];
  /** Keeps divisors from being zero: added to squared gradients (`transformers`), or their least root (`torch`). */
  readonly epsilon1: number;
  /** The least root mean square of a weight, where steps are relative to it. */
  readonly epsilon2: number;
  /** Changes with a larger root mean square are scaled down to it. */
  readonly clipThreshold: number;
  /** The mean squares decay by 1 − step^decayRate. */
  readonly decayRate: number;
  /** Decay of the mean of changes; null keeps no mean. Of `transformers` only. */
  readonly beta1: number | null;
  /** Whether steps are relative to the root mean square of a weight; with `torch` they always are. */
  readonly scaleParameter: boolean;
  /** Part of the learning rate by which weights that decay shrink. */
  readonly weightDecay: number;
}

/** What one step needs. */
export interface AdafactorFactors {
  /** Factor of the gradient. */
  readonly gradientScale: number;
  /** How far mean squares move towards the new squares. */
  readonly rise: number;
  /** Learning rate, before it is multiplied by the root mean square of the weight. */
  readonly rate: number;
  /** Part by which the weight shrinks, before the same. */
  readonly shrink: number;
}

/** Returns the factors of one step. */
export function adafactorFactors(config: AdafactorConfig, step: UpdateStep): AdafactorFactors {
  const { learningRate } = step;
  const rates = {
    transformers: learningRate,
    torch: Math.min(learningRate, 1 / Math.sqrt(step.step)),
  };
  return {
    gradientScale: step.gradientScale,
    rise: step.step ** config.decayRate,
    rate: rates[config.variant],
    shrink: step.decay ? learningRate * config.weightDecay : 0,
  };
}

/** Returns what multiplies rates and shrinking: whether they are relative to the weight's root mean square. */
export function adafactorScales(
  { variant, scaleParameter }: AdafactorConfig,
): { readonly rate: boolean; readonly shrink: boolean } {
  return variant === "torch"
    ? { rate: true, shrink: false }
    : { rate: scaleParameter, shrink: scaleParameter };
}

/** One weight and what is kept of it, each as a view of its own. */
export interface AdafactorArrays {
  /** Extents of the weight. */
  readonly shape: readonly number[];
  /** The weight; updated. */
  readonly weight: Float32Array;
  /** Its gradient. */
  readonly gradient: Float32Array;
  /** Mean squares of the rows of a matrix; updated. */
  readonly rows: Float32Array | undefined;
  /** Mean squares of its columns; updated. */
  readonly columns: Float32Array | undefined;
  /** Mean squares of what is no matrix; updated. */
  readonly squares: Float32Array | undefined;
  /** Mean of changes, where there is one; updated. */
  readonly mean: Float32Array | undefined;
}

/** Updates one weight. */
export function updateAdafactor(
  config: AdafactorConfig,
  { arrays, factors }: { readonly arrays: AdafactorArrays; readonly factors: AdafactorFactors },
): void {
  const { weight, gradient, mean } = arrays;
  const { gradientScale, rate, shrink } = factors;
  const { beta1, clipThreshold, epsilon2 } = config;
  const scales = adafactorScales(config);
  const scale = scales.rate ? Math.max(epsilon2, rootMeanSquare(weight)) : 1;
  // the gradient is not needed any more: from here on its array holds the change
  const change = gradient;
  if (gradientScale !== 1) { for (let i = 0; i < change.length; i++) change[i]! *= gradientScale; }
  normalize(config, { arrays, factors });
  const step = rate * scale / Math.max(1, rootMeanSquare(change) / clipThreshold);
  const keep = 1 - shrink * (scales.shrink ? scale : 1);
  if (mean === undefined || beta1 === null) {
    for (let i = 0; i < weight.length; i++) weight[i] = weight[i]! * keep - step * change[i]!;
    return;
  }
  for (let i = 0; i < weight.length; i++) {
    const moved = mean[i]! * beta1 + change[i]! * step * (1 - beta1);
    mean[i] = moved;
    weight[i] = weight[i]! * keep - moved;
  }
}

/** Updates the mean squares and divides the gradient by their roots. */
function normalize(
  { variant, epsilon1 }: AdafactorConfig,
  { arrays, factors: { rise } }: {
    readonly arrays: AdafactorArrays;
    readonly factors: AdafactorFactors;
  },
): void {
  const { shape, gradient, rows, columns, squares } = arrays;
  const added = variant === "transformers" ? epsilon1 : 0;
  const least = variant === "torch" ? epsilon1 * epsilon1 : 0;
  if (squares !== undefined) {
    for (let i = 0; i < gradient.length; i++) {
      const square = squares[i]! + (gradient[i]! ** 2 + added - squares[i]!) * rise;
      squares[i] = square;
      gradient[i]! /= Math.sqrt(Math.max(square, least));
    }
    return;
  }
  const [height, width] = [shape.at(-2)!, shape.at(-1)!];
  const columnSums = new Float64Array(width);
  for (let first = 0; first < gradient.length / width; first += height) {
    columnSums.fill(0);
    let rowTotal = 0;
    for (let row = first; row < first + height; row++) {
      const sum = addSquares(gradient, { start: row * width, columnSums });
      rows![row]! += (sum / width + added - rows![row]!) * rise;
      rowTotal += rows![row]!;
    }
    const rowMean = rowTotal / height;
    const firstColumn = first / height * width;
    const matrixColumns = columns!.subarray(firstColumn, firstColumn + width);
    for (let i = 0; i < width; i++) {
      matrixColumns[i]! += (columnSums[i]! / height + added - matrixColumns[i]!) * rise;
    }
    const divisor = variant === "torch" ? Math.max(rowMean, epsilon1) : rowMean;
    for (let row = first; row < first + height; row++) {
      const part = rows![row]! / divisor;
      for (let i = 0, at = row * width; i < width; i++, at++) {
        gradient[at]! /= Math.sqrt(Math.max(part * matrixColumns[i]!, least));
      }
    }
  }
}

/** Returns the sum of squares of a row, and adds each square to the sum of its column. */
function addSquares(
  gradient: Float32Array,
  { start, columnSums }: { readonly start: number; readonly columnSums: Float64Array },
): number {
  let sum = 0;
  for (let i = 0; i < columnSums.length; i++) {
    const square = gradient[start + i]! ** 2;
    sum += square;
    columnSums[i]! += square;
  }
  return sum;
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum / values.length);
}
