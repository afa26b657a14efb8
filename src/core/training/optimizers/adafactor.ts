/**
 * Adafactor (Shazeer and Stern, 2018): of the mean squared gradient of a matrix only the means of its rows and columns
 * are kept. There are two of it, which users of PyTorch know: that of `transformers` and that of `torch.optim`.
 *
 * @module
 */

import type { UpdateStep } from "./update_step.ts";

/** Every Adafactor, by whose it is. */
export const ADAFACTOR_VARIANTS = ["transformers", "torch"] as const;

/** Whose Adafactor. */
export type AdafactorVariant = (typeof ADAFACTOR_VARIANTS)[number];

/** Settings of Adafactor that stay the same during a run. */
export interface AdafactorConfig {
  /** Which optimizer it is. */
  readonly kind: "adafactor";
  /** Whose. */
  readonly variant: AdafactorVariant;
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

/** Updates one weight; its gradient is replaced by the change before it is scaled. */
export function updateAdafactor(
  config: AdafactorConfig,
  { arrays, factors }: { readonly arrays: AdafactorArrays; readonly factors: AdafactorFactors },
): void {
  const { weight, gradient: change, mean } = arrays;
  const { rate, shrink } = factors;
  const { beta1, clipThreshold, epsilon2 } = config;
  const scales = adafactorScales(config);
  const scale = scales.rate ? Math.max(epsilon2, Math.sqrt(sumSquares(weight) / weight.length)) : 1;
  const sum = arrays.squares === undefined
    ? normalizeMatrix(config, { arrays, factors })
    : normalizeVector(config, { arrays, factors });
  const excess = Math.sqrt(sum / change.length) / clipThreshold;
  const step = rate * scale / Math.max(1, excess);
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

/** What normalising works on. */
interface Normalized {
  readonly arrays: AdafactorArrays;
  readonly factors: AdafactorFactors;
}

/** What is added to squares, and the most by which a gradient is multiplied. */
function boundsOf(
  { variant, epsilon1 }: AdafactorConfig,
): { readonly added: number; readonly most: number } {
  return variant === "torch"
    ? { added: 0, most: 1 / epsilon1 }
    : { added: epsilon1, most: Infinity };
}

/** Divides a gradient by the root of its mean squares, and returns the sum of squares of what it becomes. */
function normalizeVector(
  config: AdafactorConfig,
  { arrays: { gradient, squares }, factors: { rise, gradientScale } }: Normalized,
): number {
  const { added, most } = boundsOf(config);
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) {
    const value = gradient[i]! * gradientScale;
    const square = squares![i]! + (value * value + added - squares![i]!) * rise;
    squares![i] = square;
    const change = value * Math.min(most, 1 / Math.sqrt(square));
    gradient[i] = change;
    sum += change * change;
  }
  return sum;
}

/** The same of a matrix, or of several, by the mean squares of their rows and columns. */
function normalizeMatrix(
  config: AdafactorConfig,
  { arrays: { shape, gradient, rows, columns }, factors: { rise, gradientScale } }: Normalized,
): number {
  const { added, most } = boundsOf(config);
  const [height, width] = [shape.at(-2)!, shape.at(-1)!];
  const columnSums = new Float64Array(width);
  const columnFactors = new Float64Array(width);
  const squareScale = gradientScale * gradientScale;
  let sum = 0;
  for (let first = 0; first < gradient.length / width; first += height) {
    columnSums.fill(0);
    let rowTotal = 0;
    for (let row = first; row < first + height; row++) {
      const rowSum = addSquares(gradient, { start: row * width, columnSums }) * squareScale;
      rows![row]! += (rowSum / width + added - rows![row]!) * rise;
      rowTotal += rows![row]!;
    }
    const firstColumn = first / height * width;
    for (let i = 0; i < width; i++) {
      const before = columns![firstColumn + i]!;
      const mean = columnSums[i]! * squareScale / height + added;
      columns![firstColumn + i] = before + (mean - before) * rise;
      columnFactors[i] = 1 / Math.sqrt(columns![firstColumn + i]!);
    }
    const rowMean = rowTotal / height;
    const divisor = config.variant === "torch" ? Math.max(rowMean, config.epsilon1) : rowMean;
    for (let row = first; row < first + height; row++) {
      const factor = Math.sqrt(divisor / rows![row]!);
      sum += scaleRow(gradient, { start: row * width, columnFactors, factor, most, gradientScale });
    }
  }
  return sum;
}

/** Multiplies a row by the factors of its columns, and returns the sum of squares of what it becomes. */
function scaleRow(
  gradient: Float32Array,
  { start, columnFactors, factor, most, gradientScale }: {
    readonly start: number;
    readonly columnFactors: Float64Array;
    readonly factor: number;
    readonly most: number;
    readonly gradientScale: number;
  },
): number {
  let sum = 0;
  for (let i = 0; i < columnFactors.length; i++) {
    const change = gradient[start + i]! * gradientScale *
      Math.min(most, factor * columnFactors[i]!);
    gradient[start + i] = change;
    sum += change * change;
  }
  return sum;
}

/** Returns the sum of squares of a row, and adds each square to the sum of its column. */
function addSquares(
  gradient: Float32Array,
  { start, columnSums }: { readonly start: number; readonly columnSums: Float64Array },
): number {
  let sum = 0;
  for (let i = 0; i < columnSums.length; i++) {
    const square = gradient[start + i]! * gradient[start + i]!;
    sum += square;
    columnSums[i]! += square;
  }
  return sum;
}

function sumSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}
