/**
 * Matrices whose columns are stored as 8-bit integers, with a scale for each column: the form in which CPUs multiply
 * integers fastest.
 *
 * @module
 */

import { type Tensor, tensor } from "./tensor.ts";

/** The largest magnitude that integers have. */
const LARGEST = 127;

/** A matrix whose columns are rounded to 8 bits. */
export interface QuantizedColumns {
  /** [inFeatures, outFeatures]. */
  readonly weight: Tensor<"int8">;
  /** The factor of each column, [outFeatures]. */
  readonly scales: Tensor<"float32">;
}

/**
 * Turns a matrix [outFeatures, inFeatures] around and rounds it: each column's largest element to ±127.
 *
 * @throws {TypeError} If an element is not finite.
 */
export function quantizeColumns({ shape, data }: Tensor<"float32">): QuantizedColumns {
  const [outFeatures, inFeatures] = shape as [number, number];
  const scales = new Float32Array(outFeatures);
  const inverses = new Float32Array(outFeatures);
  for (let row = 0; row < outFeatures; row++) {
    let largest = 0;
    for (let at = row * inFeatures; at < (row + 1) * inFeatures; at++) {
      const magnitude = Math.abs(data[at]!);
      // Not `>`, which would pass over a NaN.
      if (!(magnitude <= largest)) largest = magnitude;
    }
    if (!Number.isFinite(largest)) {
      throw new TypeError(`Cannot quantise row ${row}: it has an element that is not finite`);
    }
    scales[row] = largest / LARGEST;
    inverses[row] = largest === 0 ? 0 : LARGEST / largest;
  }
  const integers = new Int8Array(data.length);
  // In squares that fit the cache, as one of both is read or written across its rows.
  const block = 64;
  for (let row0 = 0; row0 < outFeatures; row0 += block) {
    const rowEnd = Math.min(row0 + block, outFeatures);
    for (let column0 = 0; column0 < inFeatures; column0 += block) {
      const columnEnd = Math.min(column0 + block, inFeatures);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          integers[column * outFeatures + row] = Math.round(
            data[row * inFeatures + column]! * inverses[row]!,
          );
        }
      }
    }
  }
  return {
    weight: tensor("int8", [inFeatures, outFeatures], integers),
    scales: tensor("float32", [outFeatures], scales),
  };
}
