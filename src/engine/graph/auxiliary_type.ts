/**
 * The types of nodes that stand for no value of the graph: parts of how a value is written in ONNX.
 *
 * @module
 */

import type { OnnxNode, OnnxValueType } from "../onnx/model.ts";
import { DTYPES, type Tensor } from "../tensor/tensor.ts";
import { ONNX_DTYPE_CODES } from "./export_writer.ts";
import { broadcastShapes } from "./infer.ts";
import { type Dim, normalizeAxis } from "./value.ts";

/** What is known of the inputs of a node. */
export interface KnownInputs {
  /** Returns the type of a value, `undefined` where it is not known. */
  readonly typeOf: (name: string) => OnnxValueType | undefined;
  /** Returns a constant. */
  readonly constantOf: (name: string) => Tensor | undefined;
}

type Node = Pick<OnnxNode, "op" | "inputs" | "attributes">;
type Rule = (
  inputs: readonly OnnxValueType[],
  context: { readonly node: Node; readonly numbers: (index: number) => readonly number[] },
) => OnnxValueType | undefined;

const broadcasting: Rule = ([a, b]) =>
  b && { dtype: a!.dtype, shape: broadcastShapes(a!.shape, b.shape) };

const same: Rule = ([x]) => x;

/** The operators that rules of export write besides the one that makes the value itself. */
const RULES: Readonly<Record<string, Rule>> = {
  Add: broadcasting,
  Sub: broadcasting,
  Mul: broadcasting,
  Div: broadcasting,
  Max: broadcasting,
  Min: broadcasting,
  Abs: same,
  Neg: same,
  Exp: same,
  Cast: ([x], { node }) => {
    const to = node.attributes["to"];
    const dtype = DTYPES.find((name) => to && "int" in to && ONNX_DTYPE_CODES[name] === to.int);
    return dtype && { dtype, shape: x!.shape };
  },
  QuantizeLinear: ([x, , zeroPoint]) => zeroPoint && { dtype: zeroPoint.dtype, shape: x!.shape },
  DequantizeLinear: ([x, scales]) => scales && { dtype: scales.dtype, shape: x!.shape },
  MatMulIntegerToFloat: ([a, b, scale]) =>
    b && scale && { dtype: scale.dtype, shape: [...a!.shape.slice(0, -1), b.shape.at(-1)!] },
  Transpose: ([x], { node }) => {
    const perm = node.attributes["perm"];
    return perm && "ints" in perm
      ? { dtype: x!.dtype, shape: perm.ints.map((axis) => x!.shape[axis]!) }
      : undefined;
  },
  ReduceMax: ([x], { numbers }) => {
    const axes = new Set(numbers(1).map((axis) => normalizeAxis(axis, x!.shape.length)));
    return { dtype: x!.dtype, shape: x!.shape.map((dim, axis) => axes.has(axis) ? 1 : dim) };
  },
  Slice: ([x], { numbers }) => {
    const [[start], [end], [axis]] = [numbers(1), numbers(2), numbers(3)];
    if (start === undefined || end === undefined || axis === undefined) return undefined;
    return { dtype: x!.dtype, shape: x!.shape.with(axis, end - start) };
  },
  Expand: ([x], { numbers }) => ({ dtype: x!.dtype, shape: broadcastShapes(x!.shape, numbers(1)) }),
  Reshape: ([x], { numbers }) => {
    const shape: readonly Dim[] = numbers(1);
    return shape.some((dim) => dim === 0 || dim === -1) ? undefined : { dtype: x!.dtype, shape };
  },
  GatherND: ([data, ids]) =>
    ids && {
      dtype: data!.dtype,
      shape: [...ids.shape.slice(0, -1), ...data!.shape.slice(1)],
    },
};

/** Returns what a node makes where that follows from what it reads; `undefined` where the value has to tell. */
export function auxiliaryType(
  node: Node,
  { typeOf, constantOf }: KnownInputs,
): OnnxValueType | undefined {
  const inputs: OnnxValueType[] = [];
  for (const name of node.inputs) {
    const type = typeOf(name);
    if (type === undefined) return undefined;
    inputs.push(type);
  }
  const numbers = (index: number): readonly number[] =>
    Array.from(constantOf(node.inputs[index] ?? "")?.data ?? [], Number);
  return inputs.length === 0 ? undefined : RULES[node.op]?.(inputs, { node, numbers });
}
