/**
 * Small models whose results are known.
 *
 * @module
 */

import {
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxValueInfo,
} from "../../../src/engine/onnx/model.ts";
import { type Dtype, type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";

/** Returns a node of ONNX's own operator set. */
export function node(
  op: string,
  [inputs, outputs]: readonly [readonly string[], readonly string[]],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode {
  return { op, domain: "", inputs, outputs, attributes };
}

/** Returns the description of an input or output. */
export function value(
  name: string,
  shape: readonly (number | string)[],
  dtype: Dtype = "float32",
): OnnxValueInfo {
  return { name, dtype, shape };
}

/** Returns a float32 tensor. */
export function floats(shape: readonly number[], elements: readonly number[]): Tensor<"float32"> {
  return tensor("float32", shape, Float32Array.from(elements));
}

/** `product` = a [m, k] · b [k, n], `shifted` = product + 1, for all sizes. */
export function productModel(): Uint8Array {
  return encodeModel({
    nodes: [
      node("MatMul", [["a", "b"], ["product"]]),
      node("Add", [["product", "one"], ["shifted"]]),
    ],
    inputs: [value("a", ["m", "k"]), value("b", ["k", "n"])],
    outputs: [value("product", ["m", "n"]), value("shifted", ["m", "n"])],
    initializers: new Map([["one", floats([], [1])]]),
  });
}

/** `y` = x, of `dtype`. */
export function identityModel(dtype: Dtype): Uint8Array {
  return encodeModel({
    nodes: [node("Identity", [["x"], ["y"]])],
    inputs: [value("x", ["n"], dtype)],
    outputs: [value("y", ["n"], dtype)],
    initializers: new Map(),
  });
}

/** An operator that does not exist. */
export function unknownOperatorModel(): Uint8Array {
  return encodeModel({
    nodes: [node("Frobnicate", [["x"], ["y"]])],
    inputs: [value("x", ["n"])],
    outputs: [value("y", ["n"])],
    initializers: new Map(),
  });
}

/** `y` = one of `depth` [n] at x [k]: WebGPU has no kernel for it. */
export function oneHotModel(): Uint8Array {
  return encodeModel({
    nodes: [node("OneHot", [["x", "depth", "values"], ["y"]])],
    inputs: [value("x", ["k"], "int32")],
    outputs: [value("y", ["k", "n"])],
    initializers: new Map<string, Tensor>([
      ["depth", tensor("int32", [], Int32Array.of(4))],
      ["values", floats([2], [0, 1])],
    ]),
  });
}

/** `y` = x expanded to `size` elements and doubled. */
export function expandModel(): Uint8Array {
  return encodeModel({
    nodes: [node("Expand", [["x", "size"], ["wide"]]), node("Add", [["wide", "wide"], ["y"]])],
    inputs: [value("x", [1]), value("size", [1], "int64")],
    outputs: [value("y", ["n"])],
    initializers: new Map(),
  });
}

/** `y` = x, taken through `count` products with `w`, each of which wakes all threads. */
export function chainModel(count: number): Uint8Array {
  const nodes = Array.from(
    { length: count },
    (_, i) =>
      node("MatMul", [[i === 0 ? "x" : `y${i}`, "w"], [i === count - 1 ? "y" : `y${i + 1}`]]),
  );
  return encodeModel({
    nodes,
    inputs: [value("x", ["n", "n"]), value("w", ["n", "n"])],
    outputs: [value("y", ["n", "n"])],
    initializers: new Map(),
  });
}

/** Returns a square matrix whose elements are all `value`. */
export function filledSquare(size: number, value: number): Tensor<"float32"> {
  return tensor("float32", [size, size], new Float32Array(size * size).fill(value));
}
