/**
 * What the operators of inference compute, in float64 and without rounding what they read.
 *
 * @module
 */

import { elementCount } from "../tensor/tensor.ts";
import type { EvaluatedTensor, EvaluateRule } from "./evaluate.ts";
import type { CachedAttentionAttributes } from "./value.ts";

/** The operators of inference. */
type InferenceOp =
  | "CachedAttention"
  | "CacheOf"
  | "SliceAt"
  | "RowQuantizedLinear"
  | "BlockQuantizedLinear";

/** The meaning of the operators of inference. */
export const inferenceRules: { readonly [O in InferenceOp]: EvaluateRule<O> } = {
  CachedAttention: (inputs, attributes) => attend(inputs, attributes),
  CacheOf: ([output, features, pastKey, pastValue, last, , cos, sin], { part }) => {
    const { key, value } = cutHeads(features!, {
      width: output!.shape[2]!,
      kvWidth: pastKey!.shape[1]! * pastKey!.shape[3]!,
    });
    return part === "key"
      ? extended(pastKey!, key, { last: last!, angles: cos && { cos, sin: sin! } })
      : extended(pastValue!, value, { last: last! });
  },
  SliceAt: ([x, at], { axis, part }) => {
    const all = x!.shape[axis]!;
    const cut = at!.data[0]!;
    const [start, end] = part === "before" ? [0, cut] : [cut, all];
    const step = elementCount(x!.shape.slice(axis + 1));
    return {
      shape: x!.shape.with(axis, end - start),
      data: x!.data.filter((_, i) => {
        const place = Math.floor(i / step) % all;
        return place >= start && place < end;
      }),
    };
  },
  RowQuantizedLinear: ([x, weight, scales]) => {
    const [inFeatures, outFeatures] = weight!.shape as [number, number];
    return product(x!, {
      inFeatures,
      outFeatures,
      element: (row, column) => weight!.data[column * outFeatures + row]! * scales!.data[row]!,
    });
  },
  BlockQuantizedLinear: (
    [x, weight, scales, zeroPoints],
    { bits, blockSize, inFeatures },
  ) => {
    const [outFeatures, blocks] = weight!.shape as [number, number];
    const rowBytes = Math.ceil(blocks * bits / 8);
    const unpack = (data: Float64Array, start: number, index: number): number =>
      bits === 8 ? data[start + index]! : (data[start + (index >> 1)]! >> (index & 1 ? 4 : 0)) & 15;
    return product(x!, {
      inFeatures,
      outFeatures,
      element(row, column) {
        const block = Math.floor(column / blockSize);
        const start = row * blocks * blockSize * bits / 8;
        const zero = unpack(zeroPoints!.data, row * rowBytes, block);
        return (unpack(weight!.data, start, column) - zero) * scales!.data[row * blocks + block]!;
      },
    });
  },
};

interface Angles {
  readonly cos: EvaluatedTensor;
  readonly sin: EvaluatedTensor;
}

/** Cuts features [batch, seqLen, width + 2 · kvWidth] into queries, keys and values. */
function cutHeads(
  { shape, data }: EvaluatedTensor,
  { width, kvWidth }: { readonly width: number; readonly kvWidth: number },
): Record<"query" | "key" | "value", EvaluatedTensor> {
  const total = width + 2 * kvWidth;
  const part = (start: number, extent: number): EvaluatedTensor => ({
    shape: shape.with(2, extent),
    data: data.filter((_, at) => at % total >= start && at % total < start + extent),
  });
  return {
    query: part(0, width),
    key: part(width, kvWidth),
    value: part(width + kvWidth, kvWidth),
  };
}

/** A head's vector at a position, its first elements rotated, half against half. */
function rotated(x: Float64Array, position: number, { cos, sin }: Angles): Float64Array {
  const half = cos.shape[1]!;
  const result = x.slice();
  for (let i = 0; i < half; i++) {
    const [c, s] = [cos.data[position * half + i]!, sin.data[position * half + i]!];
    result[i] = x[i]! * c - x[i + half]! * s;
    result[i + half] = x[i + half]! * c + x[i]! * s;
  }
  return result;
}

/** The cache `past` with the heads `fresh` of new tokens at their places. */
function extended(
  past: EvaluatedTensor,
  fresh: EvaluatedTensor,
  { last, angles }: { readonly last: EvaluatedTensor; readonly angles?: Angles | undefined },
): EvaluatedTensor {
  const [, heads, capacity, headDim] = past.shape as [number, number, number, number];
  const [batch, seqLen] = fresh.shape as [number, number];
  const data = past.data.slice();
  for (let row = 0; row < batch; row++) {
    for (let token = 0; token < seqLen; token++) {
      const position = last.data[row]! - seqLen + 1 + token;
      for (let head = 0; head < heads; head++) {
        const from = ((row * seqLen + token) * heads + head) * headDim;
        const vector = fresh.data.slice(from, from + headDim);
        data.set(
          angles === undefined ? vector : rotated(vector, position, angles),
          ((row * heads + head) * capacity + position) * headDim,
        );
      }
    }
  }
  return { shape: past.shape, data };
}

function attend(
  inputs: readonly EvaluatedTensor[],
  { numHeads, scale, window }: CachedAttentionAttributes,
): EvaluatedTensor {
  const [features, pastKey, pastValue, last, , cos, sin] = inputs as EvaluatedTensor[];
  const { query, key, value } = cutHeads(features!, {
    width: numHeads * pastKey!.shape[3]!,
    kvWidth: pastKey!.shape[1]! * pastKey!.shape[3]!,
  });
  const angles = cos && { cos, sin: sin! };
  const keys = extended(pastKey!, key, { last: last!, angles });
  const values = extended(pastValue!, value, { last: last! });
  const [batch, seqLen] = query.shape as [number, number];
  const [, kvHeads, capacity, headDim] = pastKey!.shape as [number, number, number, number];
  const result = new Float64Array(query.data.length);
  for (let row = 0; row < batch; row++) {
    for (let token = 0; token < seqLen; token++) {
      const position = last!.data[row]! - seqLen + 1 + token;
      const first = window === null ? 0 : Math.max(0, position + 1 - window);
      for (let head = 0; head < numHeads; head++) {
        const at = ((row * seqLen + token) * numHeads + head) * headDim;
        const plain = query.data.slice(at, at + headDim);
        const turned = angles === undefined ? plain : rotated(plain, position, angles);
        const kvHead = Math.floor(head / (numHeads / kvHeads));
        const place = (seen: number) => ((row * kvHeads + kvHead) * capacity + seen) * headDim;
        const weights: number[] = [];
        for (let seen = first; seen <= position; seen++) {
          weights.push(Math.exp(scale * dot(turned, keys.data, place(seen))));
        }
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (let i = 0; i < headDim; i++) {
          for (const [seen, weight] of weights.entries()) {
            result[at + i]! += weight / sum * values.data[place(first + seen) + i]!;
          }
        }
      }
    }
  }
  return { shape: query.shape, data: result };
}

function dot(a: Float64Array, b: Float64Array, start: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[start + i]!;
  return sum;
}

function product(
  x: EvaluatedTensor,
  { inFeatures, outFeatures, element }: {
    readonly inFeatures: number;
    readonly outFeatures: number;
    readonly element: (row: number, column: number) => number;
  },
): EvaluatedTensor {
  const shape = x.shape.with(-1, outFeatures);
  const data = new Float64Array(elementCount(shape));
  for (let at = 0; at < data.length; at++) {
    const [line, row] = [Math.floor(at / outFeatures), at % outFeatures];
    for (let column = 0; column < inFeatures; column++) {
      data[at]! += x.data[line * inFeatures + column]! * element(row, column);
    }
  }
  return { shape, data };
}
