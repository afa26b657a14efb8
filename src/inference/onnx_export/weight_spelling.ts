/**
 * What a type of weights says of the nodes that read weights: how they are spelled, and what is stored for them.
 *
 * @module
 */

import type { DeferredTensor } from "../../engine/onnx/model_file.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { NodeWriter } from "./node_writer.ts";

/** A weight of two dimensions. */
export interface WeightMatrix {
  /** Its name in the checkpoint. */
  readonly name: string;
  /** Extents, as the checkpoint has them. */
  readonly shape: readonly [number, number];
  /** Whether rows of it are also looked up. */
  readonly gathered: boolean;
  /** Whether it is the one that makes logits. */
  readonly isOutput: boolean;
}

/** A product with a weight. */
export interface Product {
  /** Name of the other factor, [..., inFeatures]. */
  readonly x: string;
  /** The weight. */
  readonly matrix: WeightMatrix;
  /** Whether the weight is [outFeatures, inFeatures] and not the other way round. */
  readonly outputsFirst: boolean;
  /** Whether `x` has two dimensions. */
  readonly flat: boolean;
  /** Whether `x` comes out of a norm, so that its rows are of one size. */
  readonly normed: boolean;
  /** Name of the result. */
  readonly output: string;
}

/** Rows of a weight, looked up. */
export interface RowLookup {
  /** Name of the row numbers, [batch, seqLen, 1]. */
  readonly ids: string;
  /** The weight. */
  readonly matrix: WeightMatrix;
  /** Name of the result. */
  readonly output: string;
}

/** Tensors that are made of one weight. */
export interface StoredWeight {
  /** Name of the weight in the checkpoint. */
  readonly weight: string;
  /** What is stored of it. */
  readonly parts: readonly DeferredTensor[];
  /** Makes the elements of the parts. */
  encode(elements: Float32Array): readonly Tensor["data"][];
}

/** Where spelled nodes go. */
export interface SpellingTarget {
  /** Takes nodes. */
  readonly writer: NodeWriter;
  /** Takes what is to be stored; a second of the same parts is dropped. */
  store(stored: StoredWeight): void;
}

/** How one type spells what reads weights. */
export interface WeightSpelling {
  /** Writes a product. */
  product(product: Product, target: SpellingTarget): void;
  /** Writes a lookup of rows. */
  lookup(lookup: RowLookup, target: SpellingTarget): void;
  /** Dtype of weights that other nodes read as they are. */
  readonly plainDtype: "float32" | "float16";
}
