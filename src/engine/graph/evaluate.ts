/**
 * What each operator computes, written slowly and obviously in float64: the oracle that compiled models and gradients
 * are tested against, and the evaluator of constants.
 *
 * @module
 */

import { toFloat32 } from "../tensor/convert.ts";
import { float32ToBfloat16, float32ToFloat16 } from "../tensor/float16.ts";
import { UINT8_ZERO_POINT } from "../tensor/quantize.ts";
import { type Dtype, DTYPE_ARRAYS, elementCount, type Tensor } from "../tensor/tensor.ts";
import { inferenceRules } from "./evaluate_inference.ts";
import { broadcastShapes } from "./infer.ts";
import {
  type FrozenDtype,
  type Op,
  type OpAttributes,
  staticShape,
  topologicalOrder,
  type Value,
} from "./value.ts";

/** Elements in row-major order, whatever their dtype, as float64. */
export interface EvaluatedTensor {
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Elements. */
  readonly data: Float64Array;
}

/** Computes what an operator makes. */
export type EvaluateRule<O extends Op> = (
  inputs: readonly EvaluatedTensor[],
  attributes: OpAttributes[O],
) => EvaluatedTensor;

const unary =
  (fn: (x: number) => number) => ([x]: readonly EvaluatedTensor[]): EvaluatedTensor => ({
    shape: x!.shape,
    data: x!.data.map(fn),
  });

const binary = (fn: (a: number, b: number) => number) =>
(
  [a, b]: readonly EvaluatedTensor[],
): EvaluatedTensor => {
  const shape = staticShape(broadcastShapes(a!.shape, b!.shape));
  const left = expandTo(a!, shape);
  const right = expandTo(b!, shape);
  return { shape, data: left.data.map((x, i) => fn(x, right.data[i]!)) };
};

const reduction = (fn: (elements: readonly number[]) => number) =>
(
  [x]: readonly EvaluatedTensor[],
  { axes }: { readonly axes: readonly number[] },
): EvaluatedTensor => {
  const shape = x!.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const groups = Array.from({ length: elementCount(shape) }, (): number[] => []);
  for (const [i, element] of x!.data.entries()) {
    const index = unravel(i, x!.shape).map((at, axis) => (axes.includes(axis) ? 0 : at));
    groups[ravel(index, shape)]!.push(element);
  }
  return { shape, data: Float64Array.from(groups, fn) };
};

const sum = (elements: Iterable<number>): number => {
  let total = 0;
  for (const element of elements) total += element;
  return total;
};

/** The meaning of every operator. */
const evaluateRules: { readonly [O in Op]: EvaluateRule<O> } = {
  Input: (_, { name }) => {
    throw new TypeError(`Cannot evaluate: input "${name}" was not given`);
  },
  Constant: (_, { tensor }) => toEvaluated(tensor),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Max: binary(Math.max),
  Min: binary(Math.min),
  Equal: binary((a, b) => Number(a === b)),
  Neg: unary((x) => -x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  Cast: ([x], { to }) => ({
    shape: x!.shape,
    data: to.startsWith("float") ? x!.data : x!.data.map(Math.trunc),
  }),
  Detach: ([x]) => x!,
  After: ([x]) => x!,
  CustomGradient: ([y]) => y!,
  ReduceSum: reduction(sum),
  ReduceMean: reduction((elements) => sum(elements) / elements.length),
  ReduceMax: reduction((elements) => Math.max(...elements)),
  MatMul: ([a, b]) => matMul(a!, b!),
  Gemm: ([a, b], { transA, transB }) =>
    matMul(
      transA ? transposeTo(a!, [1, 0]) : a!,
      transB ? transposeTo(b!, [1, 0]) : b!,
    ),
  Reshape: ([x], { shape }) => ({ shape: staticShape(shape), data: x!.data }),
  Transpose: ([x], { perm }) => transposeTo(x!, perm),
  Expand: ([x], { shape }) => expandTo(x!, staticShape(shape)),
  Concat: (inputs, { axis }) => {
    const shape = inputs[0]!.shape.with(axis, sum(inputs.map((input) => input.shape[axis]!)));
    const data = new Float64Array(elementCount(shape));
    let start = 0;
    for (const input of inputs) {
      for (const [i, element] of input.data.entries()) {
        const index = unravel(i, input.shape);
        data[ravel(index.with(axis, index[axis]! + start), shape)] = element;
      }
      start += input.shape[axis]!;
    }
    return { shape, data };
  },
  Slice: ([x], { axis, start, end }) => {
    const shape = x!.shape.with(axis, end - start);
    return generate(shape, (index) => at(x!, index.with(axis, index[axis]! + start)));
  },
  Gather: ([data, ids]) => {
    const [, ...rest] = data!.shape;
    const width = elementCount(rest);
    const shape = [...ids!.shape.slice(0, -1), ...rest];
    const gathered = Array.from(ids!.data, (id) => [
      ...data!.data.subarray(id * width, (id + 1) * width),
    ]);
    return { shape, data: Float64Array.from(gathered.flat()) };
  },
  GatherOnce: ([data, rows]) => evaluateRules.Gather([data!, rows!], {}),
  GatherElements: ([data, ids]) =>
    generate(ids!.shape, (index) => at(data!, index.with(-1, at(ids!, index)))),
  ScatterAdd: ([data, ids, updates]) => {
    const width = data!.shape[1]!;
    const result = data!.data.slice();
    for (const [row, id] of ids!.data.entries()) {
      for (let i = 0; i < width; i++) result[id * width + i]! += updates!.data[row * width + i]!;
    }
    return { shape: data!.shape, data: result };
  },
  Softmax: ([x]) =>
    mapRows(x!, (row) => {
      const largest = Math.max(...row);
      const exponentials = row.map((element) => Math.exp(element - largest));
      const total = sum(exponentials);
      return exponentials.map((element) => element / total);
    }),
  SoftmaxMatMul: ([scores, values]) => matMul(evaluateRules.Softmax([scores!], {}), values!),
  Silu: unary((x) => x / (1 + Math.exp(-x))),
  GeluTanh: unary((x) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
  ),
  RmsNorm: ([x, weight], { epsilon }) =>
    mapRows(x!, (row) => {
      const scale = 1 / Math.sqrt(sum(row.map((element) => element ** 2)) / row.length + epsilon);
      return row.map((element, i) => element * scale * weight!.data[i]!);
    }),
  LayerNorm: ([x, weight, bias], { epsilon }) =>
    mapRows(x!, (row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((element) => (element - mean) ** 2)) / row.length;
      const scale = 1 / Math.sqrt(variance + epsilon);
      return row.map((element, i) => (element - mean) * scale * weight!.data[i]! + bias!.data[i]!);
    }),
  Rotary: ([x, positions, cos, sin]) => {
    const half = x!.shape[3]! / 2;
    return generate(x!.shape, (index) => {
      const [batch, , token, i] = index as [number, number, number, number];
      const position = positions!.shape.length === 1
        ? positions!.data[0]! + token
        : at(positions!, [batch, token]);
      const angle = [position, i % half];
      // (a, b) → (a cos − b sin, b cos + a sin)
      const [partner, sign] = i < half ? [i + half, -1] : [i - half, 1];
      return at(x!, index) * at(cos!, angle) +
        sign * at(x!, index.with(3, partner)) * at(sin!, angle);
    });
  },
  LinearCrossEntropy: ([hidden, weight, targets]) => {
    const logits = matMul(hidden!, transposeTo(weight!, [1, 0]));
    return generate([hidden!.shape[0]!, 1], ([row]) => {
      const scores = rowOf(logits, row!);
      const largest = Math.max(...scores);
      const logSum = largest + Math.log(sum(scores.map((score) => Math.exp(score - largest))));
      return logSum - scores[targets!.data[row!]!]!;
    });
  },
  FrozenGemm: ([x, weight, scales], { transB, stored }) => {
    const matrix = storedMatrix(weight!, scales, stored);
    return matMul(x!, transB ? transposeTo(matrix, [1, 0]) : matrix);
  },
  FrozenGather: ([weight, ids, scales], { stored }) => {
    return evaluateRules.Gather([storedMatrix(weight!, scales, stored), ids!], {});
  },
  FrozenLinearCrossEntropy: ([hidden, weight, targets, scales], { stored }) => {
    const matrix = storedMatrix(weight!, scales, stored);
    return evaluateRules.LinearCrossEntropy([hidden!, matrix, targets!], {});
  },
  ...inferenceRules,
};

/** Returns `tensor` with its elements as float64. */
export function toEvaluated(tensor: Tensor): EvaluatedTensor {
  const { shape, data } = isHalf(tensor.dtype) ? toFloat32(tensor) : tensor;
  return { shape, data: Float64Array.from(data as ArrayLike<number>, Number) };
}

/** Returns an evaluated tensor as one of `dtype`, rounded to its precision. */
export function fromEvaluated({ shape, data }: EvaluatedTensor, dtype: Dtype): Tensor {
  if (isHalf(dtype)) {
    const round = dtype === "float16" ? float32ToFloat16 : float32ToBfloat16;
    return { dtype, shape, data: round(Float32Array.from(data)) };
  }
  const elements = new DTYPE_ARRAYS[dtype](data.length);
  for (let i = 0; i < data.length; i++) {
    elements[i] = dtype === "int64" ? BigInt(data[i]!) : data[i]!;
  }
  return { dtype, shape, data: elements };
}

/** Applies `op` to evaluated inputs. */
export function evaluateOp<O extends Op>(
  op: O,
  inputs: readonly EvaluatedTensor[],
  attributes: OpAttributes[O],
): EvaluatedTensor {
  return (evaluateRules[op] as EvaluateRule<O>)(inputs, attributes);
}

/**
 * Evaluates `values` in float64.
 *
 * @throws {TypeError} If an input is not in `feeds`.
 */
export function evaluate(
  values: readonly Value[],
  feeds: Readonly<Record<string, EvaluatedTensor>>,
): EvaluatedTensor[] {
  const results = new Map<Value, EvaluatedTensor>();
  for (const value of topologicalOrder(values)) {
    const given = value.op === "Input" ? feeds[value.attributes.name] : undefined;
    const inputs = value.inputs.map((input) => results.get(input)!);
    results.set(value, given ?? evaluateOp(value.op, inputs, value.attributes));
  }
  return values.map((value) => results.get(value)!);
}

/** Whether the elements of `dtype` are kept as the bits of a 16-bit float. */
function isHalf(dtype: Dtype): dtype is "float16" | "bfloat16" {
  return dtype === "float16" || dtype === "bfloat16";
}

/** Returns the matrix that is stored as `weight` and `scales`. */
function storedMatrix(
  weight: EvaluatedTensor,
  scales: EvaluatedTensor | undefined,
  stored: FrozenDtype,
): EvaluatedTensor {
  const zeroPoint = stored === "uint8" ? UINT8_ZERO_POINT : 0;
  const data = weight.data.map((element, i) =>
    (element - zeroPoint) * (scales?.data[Math.floor(i / weight.shape[1]!)] ?? 1)
  );
  return { shape: weight.shape, data };
}

function matMul(a: EvaluatedTensor, b: EvaluatedTensor): EvaluatedTensor {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const columns = b.shape.at(-1)!;
  const batch = staticShape(broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)));
  const left = expandTo(a, [...batch, rows, inner]);
  const right = expandTo(b, [...batch, inner, columns]);
  const data = new Float64Array(elementCount(batch) * rows * columns);
  for (let i = 0; i < data.length; i++) {
    const [block, row, column] = unravel(i, [elementCount(batch), rows, columns]);
    for (let k = 0; k < inner; k++) {
      data[i]! += left.data[(block! * rows + row!) * inner + k]! *
        right.data[(block! * inner + k) * columns + column!]!;
    }
  }
  return { shape: [...batch, rows, columns], data };
}

function transposeTo(x: EvaluatedTensor, perm: readonly number[]): EvaluatedTensor {
  const shape = perm.map((axis) => x.shape[axis]!);
  return generate(shape, (index) => at(x, x.shape.map((_, axis) => index[perm.indexOf(axis)]!)));
}

function expandTo(x: EvaluatedTensor, shape: readonly number[]): EvaluatedTensor {
  if (x.shape.join() === shape.join()) return x;
  const surplus = shape.length - x.shape.length;
  return generate(
    shape,
    (index) => at(x, x.shape.map((extent, axis) => (extent === 1 ? 0 : index[axis + surplus]!))),
  );
}

function mapRows(x: EvaluatedTensor, fn: (row: number[]) => number[]): EvaluatedTensor {
  const rows = x.data.length / x.shape.at(-1)!;
  const mapped = Array.from({ length: rows }, (_, row) => fn(rowOf(x, row)));
  return { shape: x.shape, data: Float64Array.from(mapped.flat()) };
}

function rowOf(x: EvaluatedTensor, row: number): number[] {
  const width = x.shape.at(-1)!;
  return [...x.data.subarray(row * width, (row + 1) * width)];
}

function generate(
  shape: readonly number[],
  fn: (index: number[]) => number,
): EvaluatedTensor {
  const data = new Float64Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = fn(unravel(i, shape));
  return { shape, data };
}

function at(x: EvaluatedTensor, index: readonly number[]): number {
  return x.data[ravel(index, x.shape)]!;
}

function ravel(index: readonly number[], shape: readonly number[]): number {
  return shape.reduce((offset, extent, axis) => offset * extent + index[axis]!, 0);
}

function unravel(offset: number, shape: readonly number[]): number[] {
  const index: number[] = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = offset % shape[axis]!;
    offset = Math.floor(offset / shape[axis]!);
  }
  return index;
}
