/**
 * What happens to the elements of a weight on the way into a GGUF file and back.
 *
 * @module
 */

import type { WeightTransform } from "./architectures.ts";

/** A weight and the heads of its model. */
export interface WeightToTransform {
  /** Elements in row-major order. */
  readonly data: Float32Array;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Heads of queries. */
  readonly numHeads: number;
  /** Heads of keys. */
  readonly numKeyValueHeads: number;
}

/** Elements and shape of a transformed weight. */
export interface TransformedWeight {
  /** Elements in row-major order; those given, where nothing changes. */
  readonly data: Float32Array;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
}

type Transform = (weight: WeightToTransform) => TransformedWeight;

/** Into a GGUF file. */
export const TO_GGUF: Readonly<Record<WeightTransform, Transform>> = {
  none: same,
  interleaveQueries: (weight) => reorderRows(weight, weight.numHeads, interleaved),
  interleaveKeys: (weight) => reorderRows(weight, weight.numKeyValueHeads, interleaved),
  addOne: ({ data, shape }) => ({ data: data.map((value) => value + 1), shape }),
  transpose: transposed,
};

/** Out of a GGUF file. */
export const FROM_GGUF: Readonly<Record<WeightTransform, Transform>> = {
  none: same,
  interleaveQueries: (weight) => reorderRows(weight, weight.numHeads, halved),
  interleaveKeys: (weight) => reorderRows(weight, weight.numKeyValueHeads, halved),
  addOne: ({ data, shape }) => ({ data: data.map((value) => value - 1), shape }),
  transpose: transposed,
};

/** Returns the shape that a weight has on the other side. */
export function transformedShape(
  transform: WeightTransform,
  shape: readonly number[],
): readonly number[] {
  return transform === "transpose" ? shape.toReversed() : shape;
}

function same({ data, shape }: WeightToTransform): TransformedWeight {
  return { data, shape };
}

/** Row of a head, of two halves, that stands at `row` where the halves are interleaved. */
function interleaved(row: number, headDim: number): number {
  return (row & 1) * (headDim / 2) + (row >> 1);
}

/** The inverse of {@linkcode interleaved}. */
function halved(row: number, headDim: number): number {
  const half = headDim / 2;
  return row < half ? 2 * row : 2 * (row - half) + 1;
}

function reorderRows(
  { data, shape }: WeightToTransform,
  heads: number,
  sourceOf: (row: number, headDim: number) => number,
): TransformedWeight {
  const rows = shape[0]!;
  const width = data.length / rows;
  const headDim = rows / heads;
  const reordered = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / headDim) * headDim;
    const source = head + sourceOf(row - head, headDim);
    reordered.set(data.subarray(source * width, (source + 1) * width), row * width);
  }
  return { data: reordered, shape };
}

function transposed({ data, shape }: WeightToTransform): TransformedWeight {
  const [rows, columns] = shape as readonly [number, number];
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!;
  }
  return { data: turned, shape: [columns, rows] };
}
