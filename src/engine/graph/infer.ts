/**
 * The dtype and shape of what each operator makes.
 *
 * @module
 */

import { type Dtype, elementCount } from "../tensor/tensor.ts";
import {
  type Dim,
  type FrozenDtype,
  normalizeAxis,
  type Op,
  type OpAttributes,
  type Value,
} from "./value.ts";

/** Dtype and shape of a value. */
export interface ValueType {
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly Dim[];
}

type InferRule<O extends Op> = (
  inputs: readonly Value[],
  attributes: OpAttributes[O],
) => ValueType;

const elementwise = ([x]: readonly Value[]): ValueType => ({ dtype: x!.dtype, shape: x!.shape });

const broadcasting = ([a, b]: readonly Value[]): ValueType => {
  if (a!.dtype !== b!.dtype) {
    throw new TypeError(`Cannot combine ${a!.dtype} with ${b!.dtype}: cast one of them`);
  }
  return { dtype: a!.dtype, shape: broadcastShapes(a!.shape, b!.shape) };
};

const reducing = (
  [x]: readonly Value[],
  { axes }: { readonly axes: readonly number[] },
): ValueType => {
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, x!.shape.length)));
  return { dtype: x!.dtype, shape: x!.shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim)) };
};

/** The dtype and shape rule of every operator. */
const inferRules: { readonly [O in Op]: InferRule<O> } = {
  Input: (_, { dtype, shape }) => ({ dtype, shape }),
  Constant: (_, { tensor }) => ({ dtype: tensor.dtype, shape: tensor.shape }),
  Add: broadcasting,
  Sub: broadcasting,
  Mul: broadcasting,
  Div: broadcasting,
  Max: broadcasting,
  Min: broadcasting,
  Equal: (inputs) => ({ ...broadcasting(inputs), dtype: "bool" }),
  Neg: elementwise,
  Exp: elementwise,
  Log: elementwise,
  Sqrt: elementwise,
  Reciprocal: elementwise,
  Sigmoid: elementwise,
  Tanh: elementwise,
  Cast: ([x], { to }) => ({ dtype: to, shape: x!.shape }),
  Detach: elementwise,
  After: ([x]) => ({ dtype: x!.dtype, shape: x!.shape }),
  CustomGradient: ([y, x, slope]) => {
    if (y!.shape[0] !== x!.shape[0]) mismatch("CustomGradient", y!, x!);
    if (`${x!.shape}` !== `${slope!.shape}`) mismatch("CustomGradient", x!, slope!);
    return { dtype: y!.dtype, shape: y!.shape };
  },
  ReduceSum: reducing,
  ReduceMean: reducing,
  ReduceMax: reducing,
  MatMul: ([a, b]) => {
    const [m, k] = a!.shape.slice(-2);
    const [k2, n] = b!.shape.slice(-2);
    if (m === undefined || n === undefined || k === undefined || k !== k2) {
      mismatch("MatMul", a!, b!);
    }
    const batch = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return { dtype: a!.dtype, shape: [...batch, m, n] };
  },
  Gemm: ([a, b], { transA, transB }) => {
    const [m, k] = transA ? a!.shape.toReversed() : a!.shape;
    const [k2, n] = transB ? b!.shape.toReversed() : b!.shape;
    if (m === undefined || n === undefined || k !== k2) mismatch("Gemm", a!, b!);
    return { dtype: a!.dtype, shape: [m, n] };
  },
  Reshape: ([x], { shape }) => {
    if (!sameSize(x!.shape, shape)) {
      throw new RangeError(`Cannot reshape [${x!.shape}] to [${shape}]: the sizes differ`);
    }
    return { dtype: x!.dtype, shape };
  },
  Transpose: ([x], { perm }) => {
    if (perm.length !== x!.shape.length || new Set(perm).size !== perm.length) {
      throw new RangeError(`Cannot transpose [${x!.shape}] by [${perm}]`);
    }
    return { dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) };
  },
  Expand: ([x], { shape }) => {
    const expanded = broadcastShapes(x!.shape, shape);
    if (expanded.join() !== shape.join()) {
      throw new RangeError(`Cannot expand [${x!.shape}] to [${shape}]`);
    }
    return { dtype: x!.dtype, shape };
  },
  Concat: (inputs, { axis }) => {
    const [first] = inputs;
    let extent: Dim = 0;
    for (const { shape } of inputs) extent = addDims(extent, shape[axis]!);
    return { dtype: first!.dtype, shape: first!.shape.with(axis, extent) };
  },
  Slice: ([x], { axis, start, end }) => {
    const extent = x!.shape[axis];
    if (!(start >= 0 && start < end) || (typeof extent === "number" && end > extent)) {
      throw new RangeError(`Cannot slice ${start} to ${end} of axis ${axis} of [${x!.shape}]`);
    }
    return { dtype: x!.dtype, shape: x!.shape.with(axis, end - start) };
  },
  Gather: ([data, ids]) => ({
    dtype: data!.dtype,
    shape: [...ids!.shape.slice(0, -1), ...data!.shape.slice(1)],
  }),
  GatherOnce: ([data, rows]) => ({
    dtype: data!.dtype,
    shape: [rows!.shape[0]!, data!.shape[1]!],
  }),
  GatherElements: ([data, ids]) => ({ dtype: data!.dtype, shape: ids!.shape }),
  ScatterAdd: ([data]) => ({ dtype: data!.dtype, shape: data!.shape }),
  Softmax: elementwise,
  SoftmaxMatMul: (inputs) => inferRules.MatMul(inputs, {}),
  GeluTanh: elementwise,
  Silu: elementwise,
  RmsNorm: elementwise,
  LayerNorm: elementwise,
  Rotary: elementwise,
  LinearCrossEntropy: ([hidden, weight]) => {
    if (hidden!.shape[1] !== weight!.shape[1]) mismatch("LinearCrossEntropy", hidden!, weight!);
    return { dtype: hidden!.dtype, shape: [hidden!.shape[0]!, 1] };
  },
  FrozenGemm: ([x, weight, scales], { transB, stored }) => {
    checkFrozen(weight!, scales, stored);
    const [m, k] = x!.shape;
    const [k2, n] = transB ? weight!.shape.toReversed() : weight!.shape;
    if (x!.dtype !== "float32" || x!.shape.length !== 2 || k !== k2) {
      mismatch("FrozenGemm", x!, weight!);
    }
    return { dtype: "float32", shape: [m!, n!] };
  },
  FrozenGather: ([weight, ids, scales], { stored }) => {
    checkFrozen(weight!, scales, stored);
    return { dtype: "float32", shape: [...ids!.shape.slice(0, -1), weight!.shape[1]!] };
  },
  FrozenLinearCrossEntropy: ([hidden, weight, , scales], { stored }) => {
    checkFrozen(weight!, scales, stored);
    if (hidden!.shape[1] !== weight!.shape[1]) {
      mismatch("FrozenLinearCrossEntropy", hidden!, weight!);
    }
    return { dtype: hidden!.dtype, shape: [hidden!.shape[0]!, 1] };
  },
  CachedAttention: ([features, pastKey, pastValue], { numHeads }) => {
    const [, kvHeads, , headDim] = pastKey!.shape as [Dim, number, Dim, number];
    if (features!.shape[2] !== (numHeads + 2 * kvHeads) * headDim) {
      mismatch("CachedAttention", features!, pastKey!);
    }
    if (`${pastValue!.shape}` !== `${pastKey!.shape}`) {
      mismatch("CachedAttention", pastValue!, pastKey!);
    }
    return { dtype: features!.dtype, shape: features!.shape.with(2, numHeads * headDim) };
  },
  CacheOf: ([, , pastKey]) => ({ dtype: pastKey!.dtype, shape: pastKey!.shape }),
  SliceAt: ([x], { axis, extent }) => ({ dtype: x!.dtype, shape: x!.shape.with(axis, extent) }),
  RowQuantizedLinear: ([x, weight, scales]) => {
    const [inFeatures, outFeatures] = weight!.shape;
    if (x!.shape.at(-1) !== inFeatures) mismatch("RowQuantizedLinear", x!, weight!);
    if (`${scales!.shape}` !== `${outFeatures}`) mismatch("RowQuantizedLinear", weight!, scales!);
    return { dtype: x!.dtype, shape: x!.shape.with(-1, outFeatures!) };
  },
  BlockQuantizedLinear: ([x, weight], { inFeatures }) => {
    if (x!.shape.at(-1) !== inFeatures) mismatch("BlockQuantizedLinear", x!, weight!);
    return { dtype: x!.dtype, shape: x!.shape.with(-1, weight!.shape[0]!) };
  },
};

/**
 * Returns the dtype and shape of `op` applied to `inputs`.
 *
 * @throws {RangeError} If the shapes do not fit the operator.
 */
export function inferType<O extends Op>(
  op: O,
  inputs: readonly Value[],
  attributes: OpAttributes[O],
): ValueType {
  return (inferRules[op] as InferRule<O>)(inputs, attributes);
}

/**
 * Returns the shape that `a` and `b` broadcast to.
 *
 * @throws {RangeError} If they do not.
 */
export function broadcastShapes(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RangeError(`Cannot broadcast [${a}] with [${b}]`);
    }
    return x === 1 ? y : x;
  });
}

function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  return a === 0 ? b : `${a}+${b}`;
}

/** Whether both shapes hold equally many elements: equal products of the numbers and equal names. */
function sameSize(a: readonly Dim[], b: readonly Dim[]): boolean {
  const names = (shape: readonly Dim[]) =>
    factors(shape).filter((dim) => typeof dim === "string").toSorted().join();
  const numbers = (shape: readonly Dim[]) =>
    factors(shape).filter((dim) => typeof dim === "number");
  return names(a) === names(b) && elementCount(numbers(a)) === elementCount(numbers(b));
}

function mismatch(op: Op, a: Value, b: Value): never {
  throw new RangeError(`Cannot apply ${op} to [${a.shape}] and [${b.shape}]`);
}

function checkFrozen(weight: Value, scales: Value | undefined, stored: FrozenDtype): void {
  if (weight.dtype !== stored || weight.shape.length !== 2) {
    throw new TypeError(`Cannot use ${weight.dtype} [${weight.shape}] as a matrix of ${stored}`);
  }
  const wanted = stored === "float16" ? undefined : `float32 [${weight.shape[0]}]`;
  const given = scales && `${scales.dtype} [${scales.shape}]`;
  if (given !== wanted) {
    throw new TypeError(
      `Cannot use scales ${given ?? "(none)"} with ${stored} [${weight.shape}]: it takes ${
        wanted ?? "none"
      }`,
    );
  }
}

/** The extents of `shape`, with a product such as `2*seqLen` taken apart. */
function factors(shape: readonly Dim[]): Dim[] {
  return shape.flatMap((dim) =>
    typeof dim === "number"
      ? [dim]
      : dim.split("*").map((factor) => (/^\d+$/.test(factor) ? Number(factor) : factor))
  );
}

/** Returns the product of two extents. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a === 1) return b;
  return b === 1 ? a : `${a}*${b}`;
}
