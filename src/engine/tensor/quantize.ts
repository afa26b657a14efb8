/**
 * Matrices stored as 8-bit integers, with a scale for each row.
 *
 * @module
 */

import { type Tensor, tensor, zeros } from "./tensor.ts";

/** The dtypes of such integers. */
export const QUANTIZED_DTYPES = ["int8", "uint8"] as const;

/** The dtype of such integers: int8 for CPUs; uint8, which counts from 128, where GPU memory holds no int8. */
export type QuantizedDtype = (typeof QUANTIZED_DTYPES)[number];

/** What stands for 0 where integers are stored as uint8. */
export const UINT8_ZERO_POINT = 128;

/** The largest integer that is used: symmetric, so that −128 never occurs. */
const LARGEST = 127;

/** A matrix whose element (row, i) is `scales[row] · weight[row, i]`, the integer counted from its zero point. */
export interface QuantizedMatrix<D extends QuantizedDtype = QuantizedDtype> {
  /** Integers from −127 to 127, [rows, columns]. */
  readonly weight: Tensor<D>;
  /** [rows]. */
  readonly scales: Tensor<"float32">;
}

/** Options of {@linkcode quantizeRows}. */
export interface QuantizeOptions<D extends QuantizedDtype> {
  /** How the integers are stored. @default {"int8"} */
  readonly dtype?: D;
  /** Quantise the matrix transposed, so that its columns become the rows. @default {false} */
  readonly transposed?: boolean;
}

/**
 * Rounds a matrix to 8-bit integers: each element to within half of its row's scale, which is the row's largest
 * magnitude / 127.
 *
 * @throws {TypeError} If it is no matrix, or has an element that is not finite.
 */
export function quantizeRows<D extends QuantizedDtype = "int8">(
  matrix: Tensor<"float32">,
  options: QuantizeOptions<D> = {},
): QuantizedMatrix<D> {
  const { dtype = "int8" as D, transposed = false } = options;
  const { shape, data } = matrix;
  if (shape.length !== 2) {
    throw new TypeError(`Cannot quantise a tensor of shape [${shape}]: it must be a matrix`);
  }
  const [rows, columns] = (transposed ? shape.toReversed() : shape) as [number, number];
  // Steps through `data` from one element of a row to the next, and from one row to the next.
  const [step, rowStep] = transposed ? [rows, 1] : [1, columns];
  const scales = new Float32Array(rows);
  const zeroPoint = dtype === "uint8" ? UINT8_ZERO_POINT : 0;
  const weight = zeros<QuantizedDtype>(dtype, [rows, columns]) as Tensor<D>;
  const integers = weight.data as Int8Array | Uint8Array;
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = 0, at = row * rowStep; i < columns; i++, at += step) {
      const magnitude = Math.abs(data[at]!);
      // Not `>`, which would pass over a NaN.
      if (!(magnitude <= largest)) largest = magnitude;
    }
    if (!Number.isFinite(largest)) {
      throw new TypeError(`Cannot quantise row ${row}: it has an element that is not finite`);
    }
    scales[row] = largest / LARGEST;
    const inverse = largest === 0 ? 0 : LARGEST / largest;
    for (let i = 0, at = row * rowStep, to = row * columns; i < columns; i++, at += step, to++) {
      integers[to] = Math.round(data[at]! * inverse) + zeroPoint;
    }
  }
  return { weight, scales: tensor("float32", [rows], scales) };
}

/** Returns the matrix that `quantized` stands for. */
export function dequantizeRows({ weight, scales }: QuantizedMatrix): Tensor<"float32"> {
  const [rows, columns] = weight.shape as [number, number];
  const zeroPoint = weight.dtype === "uint8" ? UINT8_ZERO_POINT : 0;
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const scale = scales.data[row]!;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      data[i] = (weight.data[i]! - zeroPoint) * scale;
    }
  }
  return tensor("float32", [rows, columns], data);
}
