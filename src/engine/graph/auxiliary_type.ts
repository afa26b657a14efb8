/**
 * The types of nodes that stand for no value of the graph: parts of how a value is written in ONNX.
 *
 * @module
 */

import type { OnnxAttribute, OnnxNode, OnnxValueType } from "../onnx/model.ts";
import { DTYPES } from "../tensor/tensor.ts";
import { ONNX_DTYPE_CODES } from "./export_writer.ts";
import { broadcastShapes } from "./infer.ts";

const ELEMENTWISE: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min"]);

/** Returns what a node makes where that follows from what it reads; `undefined` where the value has to tell. */
export function auxiliaryType(
  { op, inputs, attributes }: Pick<OnnxNode, "op" | "inputs" | "attributes">,
  typeOf: (name: string) => OnnxValueType | undefined,
): OnnxValueType | undefined {
  const first = typeOf(inputs[0] ?? "");
  if (first === undefined) return undefined;
  if (op === "Cast") {
    const to: OnnxAttribute | undefined = attributes["to"];
    const dtype = DTYPES.find((name) => to && "int" in to && ONNX_DTYPE_CODES[name] === to.int);
    return dtype && { dtype, shape: first.shape };
  }
  const second = typeOf(inputs[1] ?? "");
  if (!ELEMENTWISE.has(op) || second === undefined) return undefined;
  return { dtype: first.dtype, shape: broadcastShapes(first.shape, second.shape) };
}
