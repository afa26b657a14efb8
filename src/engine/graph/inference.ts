/**
 * Functions that build values for inference alone, through which no gradient flows: attention over a cache that lies in
 * place, and products with quantised matrices.
 *
 * @module
 */

import { apply } from "./build.ts";
import type { CachedAttentionAttributes, Dim, Value } from "./value.ts";

/** What {@linkcode cachedAttention} reads. */
export interface CachedAttentionInputs {
  /** Queries, keys and values one after the other, not rotated: [batch, seqLen, (heads + 2 · kvHeads) · headDim]. */
  readonly features: Value;
  /** Cached keys, [batch, kvHeads, capacity, headDim]. */
  readonly pastKey: Value;
  /** Cached values, as the keys. */
  readonly pastValue: Value;
  /** The position of each row's last token, int32 [batch]. */
  readonly last: Value;
  /** One more than the largest of them, int32 [1]. */
  readonly total: Value;
  /** Cosines and sines of every position, [positions, rotaryDim / 2]. @default {nothing is rotated} */
  readonly angles?: { readonly cos: Value; readonly sin: Value } | undefined;
}

/** What {@linkcode cachedAttention} makes. */
export interface CachedAttentionOutputs {
  /** [batch, seqLen, heads · headDim]. */
  readonly output: Value;
  /** The cached keys with those of the tokens read. */
  readonly key: Value;
  /** The cached values with those of the tokens read. */
  readonly value: Value;
}

/**
 * Lets tokens look at those before them in a cache, and puts their keys and values there: bound to the same memory as
 * what was cached, the outputs are written in place. Widths of heads are multiples of 8, of 16 where they are rotated.
 */
export function cachedAttention(
  inputs: CachedAttentionInputs,
  attributes: CachedAttentionAttributes,
): CachedAttentionOutputs {
  const { features, pastKey, pastValue, last, total, angles } = inputs;
  const rotation = angles === undefined ? [] : [angles.cos, angles.sin];
  const read = [features, pastKey, pastValue, last, total, ...rotation];
  const output = apply("CachedAttention", read, attributes);
  return {
    output,
    key: apply("CacheOf", [output, ...read], { part: "key" }),
    value: apply("CacheOf", [output, ...read], { part: "value" }),
  };
}

/** Which part {@linkcode sliceAt} takes. */
export interface SliceAtOptions {
  /** The axis. */
  readonly axis: number;
  /** Where it is cut, int64 [1]. */
  readonly at: Value;
  /** What is before, or what is from there on. */
  readonly part: "before" | "after";
  /** How many elements these are. */
  readonly extent: Dim;
}

/** Returns a part of an axis that is known only when the graph runs. */
export function sliceAt(x: Value, { at, ...attributes }: SliceAtOptions): Value {
  return apply("SliceAt", [x, at], attributes);
}

/** A matrix whose columns are rounded to 8 bits, each by a scale of its own. */
export interface RowQuantizedMatrix {
  /** int8 [inFeatures, outFeatures]. */
  readonly weight: Value;
  /** [outFeatures]. */
  readonly scales: Value;
}

/** Returns `x` [..., inFeatures] times such a matrix. */
export function rowQuantizedLinear(x: Value, { weight, scales }: RowQuantizedMatrix): Value {
  return apply("RowQuantizedLinear", [x, weight, scales], {});
}

/** A matrix whose rows are rounded in blocks, each by a scale and a zero point of its own. */
export interface BlockQuantizedMatrix {
  /** Bits of an element. */
  readonly bits: 4 | 8;
  /** Elements of a block. */
  readonly blockSize: number;
  /** Width of what is multiplied with it. */
  readonly inFeatures: number;
  /** uint8 [outFeatures, blocks, blockSize · bits / 8]; of two elements in a byte, the first is the lower half. */
  readonly weight: Value;
  /** [outFeatures · blocks]. */
  readonly scales: Value;
  /** uint8 [outFeatures · ⌈blocks · bits / 8⌉], packed as elements are. */
  readonly zeroPoints: Value;
}

/** Returns `x` [..., inFeatures] · Wᵀ for such a matrix W. */
export function blockQuantizedLinear(x: Value, matrix: BlockQuantizedMatrix): Value {
  const { bits, blockSize, inFeatures, weight, scales, zeroPoints } = matrix;
  return apply("BlockQuantizedLinear", [x, weight, scales, zeroPoints], {
    bits,
    blockSize,
    inFeatures,
  });
}
