/**
 * Functions that build values, one per operator, and the few idioms that every model uses.
 *
 * @module
 */

import { type Dtype, type Tensor, tensor, zeros } from "../tensor/tensor.ts";
import { inferType } from "./infer.ts";
import {
  type Dim,
  type NoAttributes,
  normalizeAxis,
  type Op,
  type OpAttributes,
  type Value,
} from "./value.ts";

/** Applies `op`; the typed functions below are the usual way. */
export function apply<O extends Op>(
  op: O,
  inputs: readonly Value[],
  attributes: OpAttributes[O],
): Value {
  // The one place where the pieces of a value are put together, so their types cannot disagree.
  return { op, inputs, attributes, ...inferType(op, inputs, attributes) } as Value;
}

const NONE: NoAttributes = {};

/** Declares a value that is given at each run. */
export function input(name: string, dtype: Dtype, shape: readonly Dim[]): Value {
  return apply("Input", [], { name, dtype, shape });
}

/** Makes `tensor` part of the graph. */
export function constant(tensor: Tensor): Value {
  return apply("Constant", [], { tensor });
}

/** Makes a float32 scalar part of the graph. */
export function scalar(value: number): Value {
  return constant(tensor("float32", [], Float32Array.of(value)));
}

/** Returns zeros of `shape`, which take no memory until they are computed. */
export function zeroValue(dtype: Dtype, shape: readonly number[]): Value {
  return expand(constant(zeros(dtype, [])), shape);
}

/** Returns a + b. */
export const add = (a: Value, b: Value): Value => apply("Add", [a, b], NONE);
/** Returns a − b. */
export const sub = (a: Value, b: Value): Value => apply("Sub", [a, b], NONE);
/** Returns a · b, element by element. */
export const mul = (a: Value, b: Value): Value => apply("Mul", [a, b], NONE);
/** Returns a / b. */
export const div = (a: Value, b: Value): Value => apply("Div", [a, b], NONE);
/** Returns the larger of both; where they are equal, the gradient is split evenly. */
export const max = (a: Value, b: Value): Value => apply("Max", [a, b], NONE);
/** Returns the smaller of both; where they are equal, the gradient is split evenly. */
export const min = (a: Value, b: Value): Value => apply("Min", [a, b], NONE);
/** Returns whether a and b are equal. */
export const equal = (a: Value, b: Value): Value => apply("Equal", [a, b], NONE);
/** Returns −x. */
export const neg = (x: Value): Value => apply("Neg", [x], NONE);
/** Returns e^x. */
export const exp = (x: Value): Value => apply("Exp", [x], NONE);
/** Returns the natural logarithm. */
export const log = (x: Value): Value => apply("Log", [x], NONE);
/** Returns the square root. */
export const sqrt = (x: Value): Value => apply("Sqrt", [x], NONE);
/** Returns 1 / x. */
export const reciprocal = (x: Value): Value => apply("Reciprocal", [x], NONE);
/** Returns 1 / (1 + e^−x). */
export const sigmoid = (x: Value): Value => apply("Sigmoid", [x], NONE);
/** Returns the hyperbolic tangent. */
export const tanh = (x: Value): Value => apply("Tanh", [x], NONE);
/** Returns softmax over the last dimension. */
export const softmax = (x: Value): Value => apply("Softmax", [x], NONE);
/** Returns softmax(scores) · values for scores [..., m, k] and values [..., k, n]. */
export const softmaxMatMul = (scores: Value, values: Value): Value =>
  apply("SoftmaxMatMul", [scores, values], NONE);
/** Returns GELU by its approximation with tanh (`gelu_new`, `gelu_pytorch_tanh`). */
export const geluTanh = (x: Value): Value => apply("GeluTanh", [x], NONE);
/** Returns x · sigmoid(x). */
export const silu = (x: Value): Value => apply("Silu", [x], NONE);

/** Converts `x` to `to`. */
export function cast(x: Value, to: Dtype): Value {
  return apply("Cast", [x], { to });
}

/** Returns `x` as a value that no gradient flows through. */
export const detach = (x: Value): Value => apply("Detach", [x], NONE);

/** Returns `x` as a value that is not there before those of `others` are that anything else needs. */
export const after = (x: Value, ...others: readonly Value[]): Value =>
  apply("After", [x, ...others], NONE);

/** Returns `y` [n, 1] with the gradient `slope` with respect to `x`, both [n, d], and no other. */
export const customGradient = (y: Value, { x, slope }: CustomSlope): Value =>
  apply("CustomGradient", [y, x, slope], NONE);

/** What a value is the loss of, and how it changes with it. */
export interface CustomSlope {
  /** What the value is made of, [n, d]. */
  readonly x: Value;
  /** Its gradient, [n, d]. */
  readonly slope: Value;
}

/** Sums over `axes` and keeps them as 1. */
export function reduceSum(x: Value, axes: readonly number[]): Value {
  return apply("ReduceSum", [x], { axes: normalizeAxes(axes, x) });
}

/** Takes the mean over `axes` and keeps them as 1. */
export function reduceMean(x: Value, axes: readonly number[]): Value {
  return apply("ReduceMean", [x], { axes: normalizeAxes(axes, x) });
}

/** Takes the maximum over `axes` and keeps them as 1; equal maxima share the gradient evenly. */
export function reduceMax(x: Value, axes: readonly number[]): Value {
  return apply("ReduceMax", [x], { axes: normalizeAxes(axes, x) });
}

function normalizeAxes(axes: readonly number[], x: Value): number[] {
  return axes.map((axis) => normalizeAxis(axis, x.shape.length)).toSorted((a, b) => a - b);
}

/** Returns the matrix product over the last two dimensions; the others broadcast. */
export const matMul = (a: Value, b: Value): Value => apply("MatMul", [a, b], NONE);

/** Options of {@linkcode gemm}. */
export interface GemmOptions {
  /** Transpose the first matrix. @default {false} */
  readonly transA?: boolean;
  /** Transpose the second matrix. @default {false} */
  readonly transB?: boolean;
}

/** Returns the product of two matrices, each transposed first if so asked. */
export function gemm(a: Value, b: Value, options: GemmOptions = {}): Value {
  const { transA = false, transB = false } = options;
  return apply("Gemm", [a, b], { transA, transB });
}

/** Gives the elements of `x` another shape. */
export function reshape(x: Value, shape: readonly Dim[]): Value {
  return apply("Reshape", [x], { shape });
}

/** Reorders dimensions: dimension `i` of the result is dimension `perm[i]` of `x`. */
export function transpose(x: Value, perm: readonly number[]): Value {
  return apply("Transpose", [x], { perm });
}

/** Transposes the matrices in the last two dimensions. */
export function swapLastTwo(x: Value): Value {
  const rank = x.shape.length;
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return transpose(x, [...perm.slice(0, -2), rank - 1, rank - 2]);
}

/** Broadcasts `x` to `shape`. */
export function expand(x: Value, shape: readonly Dim[]): Value {
  return apply("Expand", [x], { shape });
}

/** Joins values along `axis`. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw new RangeError("Cannot concatenate no values");
  return apply("Concat", values, { axis: normalizeAxis(axis, first.shape.length) });
}

/** The part of an axis that {@linkcode slice} takes. */
export interface SliceRange {
  /** The axis. */
  readonly axis: number;
  /** First element. */
  readonly start: number;
  /** Before this element. */
  readonly end: number;
}

/** Takes the elements `start` to before `end` of an axis. */
export function slice(x: Value, { axis, start, end }: SliceRange): Value {
  return apply("Slice", [x], { axis: normalizeAxis(axis, x.shape.length), start, end });
}

/** Returns the rows of `data` [n, …] that `ids` [..., 1] name: [..., …]. */
export const gather = (data: Value, ids: Value): Value => apply("Gather", [data, ids], NONE);

/** Which rows {@linkcode gatherOnce} gathers. */
export interface OnceGatheredRows {
  /** Their numbers, int64 [k, 1], each once. */
  readonly rows: Value;
  /** Where each row of the data is among them, int64 [n, 1]; k where it is not. */
  readonly places: Value;
}

/** Returns some rows of `data` [n, d], none of them twice. */
export const gatherOnce = (data: Value, { rows, places }: OnceGatheredRows): Value =>
  apply("GatherOnce", [data, rows, places], NONE);

/** Returns, of each row of `data` [..., n], the elements at `ids` [..., k]. */
export const gatherElements = (data: Value, ids: Value): Value =>
  apply("GatherElements", [data, ids], NONE);

/** The rows that {@linkcode scatterAdd} adds. */
export interface RowUpdates {
  /** Row numbers, int64 [..., 1]. */
  readonly ids: Value;
  /** Rows, [..., d]. */
  readonly updates: Value;
}

/** Returns `data` [n, d] with each update added to the row that its id names. */
export function scatterAdd(data: Value, { ids, updates }: RowUpdates): Value {
  return apply("ScatterAdd", [data, ids, updates], NONE);
}

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormOptions {
  /** Scale of each element of the last dimension. */
  readonly weight: Value;
  /** Added to the mean square, or to the variance. */
  readonly epsilon: number;
}

/** Normalises `x` to unit root mean square over its last dimension, then scales it. */
export function rmsNorm(x: Value, { weight, epsilon }: RmsNormOptions): Value {
  return apply("RmsNorm", [x, weight], { epsilon });
}

/** Options of {@linkcode layerNorm}. */
export interface LayerNormOptions extends RmsNormOptions {
  /** Added to each element of the last dimension. */
  readonly bias: Value;
}

/** Normalises `x` to mean 0 and variance 1 over its last dimension, then scales and shifts it. */
export function layerNorm(x: Value, { weight, bias, epsilon }: LayerNormOptions): Value {
  return apply("LayerNorm", [x, weight, bias], { epsilon });
}

/** The angles of rotary position embeddings. */
export interface RotaryAngles {
  /** int64 [batch, seqLen], rows of the tables; or [1], where every sequence counts from it. */
  readonly positions: Value;
  /** Cosines [maxPositions, headDim / 2]. */
  readonly cos: Value;
  /** Sines [maxPositions, headDim / 2]. */
  readonly sin: Value;
}

/** Rotates `x` [batch, heads, seqLen, headDim], half against half, by the angle of each position. */
export function rotary(x: Value, { positions, cos, sin }: RotaryAngles): Value {
  return apply("Rotary", [x, positions, cos, sin], NONE);
}

/** What {@linkcode linearCrossEntropy} predicts, and from what. */
export interface LinearCrossEntropyOptions {
  /** Output matrix [vocab, d]. */
  readonly weight: Value;
  /** The right ids, int64 [n, 1]. */
  readonly targets: Value;
}

/** Returns −log softmax(hidden · weightᵀ)[target] of each row of `hidden` [n, d], as [n, 1]. */
export function linearCrossEntropy(
  hidden: Value,
  { weight, targets }: LinearCrossEntropyOptions,
): Value {
  return apply("LinearCrossEntropy", [hidden, weight, targets], NONE);
}

/** Options of {@linkcode linear}. */
export interface LinearOptions {
  /** Whether the weight is stored [inFeatures, outFeatures]. @default {false} */
  readonly transposed?: boolean;
}

/** Returns `x` [..., inFeatures] · weightᵀ for a `weight` [outFeatures, inFeatures]. */
export function linear(x: Value, weight: Value, options: LinearOptions = {}): Value {
  const { transposed = false } = options;
  const [outFeatures, inFeatures] = transposed ? weight.shape.toReversed() : weight.shape;
  const leading = x.shape.slice(0, -1);
  if (leading.every((dim) => typeof dim === "number")) {
    const rows = leading.reduce((product, dim) => product * dim, 1);
    const flat = gemm(reshape(x, [rows, inFeatures!]), weight, { transB: !transposed });
    return reshape(flat, [...leading, outFeatures!]);
  }
  return matMul(x, transposed ? weight : transpose(weight, [1, 0]));
}
