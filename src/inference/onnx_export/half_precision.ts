/**
 * A model that computes in float16 instead of float32.
 *
 * @module
 */

import type { OnnxModel, OnnxNode, OnnxValueInfo } from "../../engine/onnx/model.ts";
import { float32ToFloat16 } from "../../engine/tensor/float16.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";

const FLOAT32_CODE = 1;
const FLOAT16_CODE = 10;

/** Returns `model` with float16 in place of float32, in inputs, outputs, constants and conversions. */
export function inHalfPrecision(model: OnnxModel): OnnxModel {
  return {
    nodes: model.nodes.map(halfNode),
    inputs: model.inputs.map(halfValue),
    outputs: model.outputs.map(halfValue),
    initializers: new Map([...model.initializers].map(([name, it]) => [name, halfTensor(it)])),
  };
}

function halfNode(node: OnnxNode): OnnxNode {
  const to = node.attributes["to"];
  if (node.op !== "Cast" || to === undefined || !("int" in to) || to.int !== FLOAT32_CODE) {
    return node;
  }
  return { ...node, attributes: { to: { int: FLOAT16_CODE } } };
}

function halfValue(value: OnnxValueInfo): OnnxValueInfo {
  return value.dtype === "float32" ? { ...value, dtype: "float16" } : value;
}

function halfTensor(tensor: Tensor): Tensor {
  if (tensor.dtype !== "float32") return tensor;
  const data = float32ToFloat16(tensor.data as Float32Array);
  return { dtype: "float16", shape: tensor.shape, data };
}
