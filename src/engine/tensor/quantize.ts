/**
 * Matrices stored as 8-bit integers, with a scale for each row.
 *
 * @module
 */

import { rotateRow } from "./rotation.ts";
import { type Tensor, tensor, zeros } from "./tensor.ts";

/** The dtypes of such integers. */
export const QUANTIZED_DTYPES = ["int8", "uint8"] as const;

/** The dtype of such integers: int8 for CPUs; uint8, which counts from 128, where GPU memory holds no int8. */
export type QuantizedDtype = (typeof QUANTIZED_DTYPES)[number];

/** What stands for 0 where integers are stored as uint8. */
export const UINT8_ZERO_POINT = 128;

/** The largest integer that is used: symmetric, so that −128 never occurs. */
const LARGEST = 127;

/**
 * A matrix whose rows, rotated (see `rotation.ts`), have the elements `scales[row] · weight[row, i]`, the integer counted
 * from its zero point.
 */
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
 * Rotates the rows of a matrix and rounds them to 8-bit integers: each element to within half of its row's scale, which
 * is the row's largest magnitude / 127.
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
  const scales = new Float32Array(rows);
  const zeroPoint = dtype === "uint8" ? UINT8_ZERO_POINT : 0;
  const weight = zeros<QuantizedDtype>(dtype, [rows, columns]) as Tensor<D>;
  const integers = weight.data as Int8Array | Uint8Array;
  const line = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    if (transposed) {
      for (let i = 0; i < columns; i++) line[i] = data[i * rows + row]!;
    } else {
      line.set(data.subarray(row * columns, (row + 1) * columns));
    }
    rotateRow(line);
    let largest = 0;
    for (let i = 0; i < columns; i++) {
      const magnitude = Math.abs(line[i]!);
      // Not `>`, which would pass over a NaN.
      if (!(magnitude <= largest)) largest = magnitude;
    }
    if (!Number.isFinite(largest)) {
      throw new TypeError(`Cannot quantise row ${row}: it has an element that is not finite`);
    }
    scales[row] = largest / LARGEST;
    const inverse = largest === 0 ? 0 : LARGEST / largest;
    const start = row * columns;
    for (let i = 0; i < columns; i++) {
      integers[start + i] = Math.round(line[i]! * inverse) + zeroPoint;
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
    const line = data.subarray(row * columns, (row + 1) * columns);
    const scale = scales.data[row]!;
    for (let i = 0; i < columns; i++) {
      line[i] = (weight.data[row * columns + i]! - zeroPoint) * scale;
    }
    rotateRow(line);
  }
  return tensor("float32", [rows, columns], data);
}
