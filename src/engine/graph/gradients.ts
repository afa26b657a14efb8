/**
 * The gradient of each operator: given the gradient of what it made, the gradient of each of its inputs.
 *
 * @module
 */

import {
  add,
  apply,
  cast,
  concat,
  constant,
  div,
  equal,
  expand,
  gather,
  gemm,
  matMul,
  mul,
  neg,
  reciprocal,
  reduceMean,
  reduceSum,
  reshape,
  rotary,
  scalar,
  scatterAdd,
  sigmoid,
  slice,
  softmax,
  sqrt,
  sub,
  swapLastTwo,
  transpose,
  zeroValue,
} from "./build.ts";
import { frozenGemm, frozenRows } from "./frozen.ts";
import { broadcastShapes } from "./infer.ts";
import { type Dim, inputOf, type Op, staticShape, type Value, type ValueOf } from "./value.ts";

/** The gradients of a value's inputs; `null` where none flows. */
export type InputGradients = readonly (Value | null)[];

type GradientRule<O extends Op> = (value: ValueOf<O>, upstream: Value) => InputGradients;

interface Pair {
  readonly inputs: readonly Value[];
}

const operands = ({ inputs }: Pair): [Value, Value] => [inputs[0]!, inputs[1]!];

/** The gradient of the larger or smaller of two: to whichever was taken, half to each where both were. */
const extremum = (value: ValueOf<"Max"> | ValueOf<"Min">, upstream: Value): InputGradients => {
  const [a, b] = operands(value);
  const ofA = cast(equal(a, value as Value), a.dtype);
  const ofB = cast(equal(b, value as Value), b.dtype);
  const share = div(upstream, add(ofA, ofB));
  return [unbroadcast(mul(share, ofA), a.shape), unbroadcast(mul(share, ofB), b.shape)];
};

/** The gradient rule of every operator; `null` where none flows to any input. */
const gradientRules: { readonly [O in Op]: GradientRule<O> | null } = {
  Input: null,
  Constant: null,
  Equal: null,
  Detach: null,
  After: ({ inputs: [, ...others] }, g) => [g, ...others.map(() => null)],
  CustomGradient: ({ inputs: [, , slope] }, g) => [null, mul(g, slope!), null],
  Add: (value, g) => {
    const [a, b] = operands(value);
    return [unbroadcast(g, a.shape), unbroadcast(g, b.shape)];
  },
  Sub: (value, g) => {
    const [a, b] = operands(value);
    return [unbroadcast(g, a.shape), unbroadcast(neg(g), b.shape)];
  },
  Mul: (value, g) => {
    const [a, b] = operands(value);
    return [unbroadcast(mul(g, b), a.shape), unbroadcast(mul(g, a), b.shape)];
  },
  Div: (value, g) => {
    const [a, b] = operands(value);
    const ofA = div(g, b);
    // (a / b)' = a' / b − (a / b) · b' / b
    return [unbroadcast(ofA, a.shape), unbroadcast(neg(mul(ofA, value as Value)), b.shape)];
  },
  Max: extremum,
  Min: extremum,
  Neg: (_, g) => [neg(g)],
  Exp: (value, g) => [mul(g, value as Value)],
  Log: ({ inputs: [x] }, g) => [div(g, x!)],
  Sqrt: (value, g) => [div(mul(g, scalar(0.5)), value as Value)],
  Reciprocal: (value, g) => [neg(mul(g, mul(value as Value, value as Value)))],
  Sigmoid: (value, g) => [mul(g, mul(value as Value, sub(scalar(1), value as Value)))],
  Tanh: (value, g) => [mul(g, sub(scalar(1), mul(value as Value, value as Value)))],
  Cast: ({ inputs: [x], dtype }, g) =>
    isFloat(x!.dtype) && isFloat(dtype) ? [cast(g, x!.dtype)] : [null],
  ReduceSum: ({ inputs: [x] }, g) => [expand(g, x!.shape)],
  ReduceMean: ({ inputs: [x], attributes: { axes } }, g) => {
    const extents = staticShape(axes.map((axis) => x!.shape[axis]!));
    const count = extents.reduce((product, extent) => product * extent, 1);
    return [expand(mul(g, scalar(1 / count)), x!.shape)];
  },
  ReduceMax: (value, g) => {
    const x = inputOf(value as Value, 0);
    const taken = cast(equal(x, value as Value), x.dtype);
    return [mul(taken, div(g, reduceSum(taken, value.attributes.axes)))];
  },
  MatMul: (value, g) => {
    const [a, b] = operands(value);
    // Of a transposed matrix the transposed gradient, which the transpose's own then turns back: it disappears.
    const ofB = isSwapped(b)
      ? swapLastTwo(unbroadcast(matMul(swapLastTwo(g), a), inputOf(b, 0).shape))
      : unbroadcast(matMul(swapLastTwo(a), g), b.shape);
    return [unbroadcast(matMul(g, swapLastTwo(b)), a.shape), ofB];
  },
  Gemm: (value, g) => {
    const [a, b] = operands(value);
    const { transA, transB } = value.attributes;
    return [
      transA ? gemm(b, g, { transA: transB, transB: true }) : gemm(g, b, { transB: !transB }),
      transB ? gemm(g, a, { transA: true, transB: transA }) : gemm(a, g, { transA: !transA }),
    ];
  },
  Reshape: ({ inputs: [x] }, g) => [reshape(g, x!.shape)],
  Transpose: ({ attributes: { perm } }, g) => [transpose(g, perm.map((_, i) => perm.indexOf(i)))],
  Expand: ({ inputs: [x] }, g) => [unbroadcast(g, x!.shape)],
  Concat: ({ inputs, attributes: { axis } }, g) => {
    let start = 0;
    return inputs.map((input) => {
      const [extent] = staticShape([input.shape[axis]!]);
      const part = slice(g, { axis, start, end: start + extent! });
      start += extent!;
      return part;
    });
  },
  Slice: ({ inputs: [x], attributes: { axis, start, end } }, g) => {
    const shape = staticShape(x!.shape);
    const gap = (extent: number) => zeroValue(x!.dtype, shape.with(axis, extent));
    const parts = [g];
    if (start > 0) parts.unshift(gap(start));
    if (end < shape[axis]!) parts.push(gap(shape[axis]! - end));
    return [parts.length === 1 ? g : concat(parts, axis)];
  },
  Gather: (value, g) => {
    const [data, ids] = operands(value);
    const [rows = 0, ...rest] = staticShape(data.shape);
    const width = rest.reduce((product, extent) => product * extent, 1);
    const scattered = scatterAdd(zeroValue(data.dtype, [rows, width]), {
      ids,
      updates: reshape(g, [...ids.shape.slice(0, -1), width]),
    });
    return [reshape(scattered, data.shape), null];
  },
  GatherOnce: ({ inputs: [data, , places] }, g) => {
    const [, width] = staticShape(data!.shape);
    return [gather(concat([g, zeroValue(g.dtype, [1, width!])], 0), places!), null, null];
  },
  GatherElements: (value, g) => {
    const [data, ids] = operands(value);
    const [rows = 0, width = 0] = flattenLeading(data.shape);
    const [, picks = 0] = flattenLeading(ids.shape);
    // Element (row, id) of [rows, width] is row `row · width + id` of a column.
    const offsets = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row * width));
    const starts = constant({ dtype: "int64", shape: [rows, 1], data: offsets });
    const scattered = scatterAdd(zeroValue(data.dtype, [rows * width, 1]), {
      ids: reshape(add(reshape(ids, [rows, picks]), starts), [rows * picks, 1]),
      updates: reshape(g, [rows * picks, 1]),
    });
    return [reshape(scattered, data.shape), null];
  },
  ScatterAdd: ({ inputs: [, ids] }, g) => [g, null, gather(g, ids!)],
  Softmax: (value, g) => {
    const weighted = mul(g, value as Value);
    // y' = y (x' − Σ y x')
    return [sub(weighted, mul(value as Value, reduceSum(weighted, [-1])))];
  },
  SoftmaxMatMul: (value, g) => {
    const [scores, values] = operands(value);
    const weights = softmax(scores);
    // Σ y x' of softmax's own rule, where x' = g · valuesᵀ, is Σ (y · values) g.
    const level = reduceSum(mul(g, value as Value), [-1]);
    return [
      mul(weights, sub(matMul(g, swapLastTwo(values)), level)),
      unbroadcast(matMul(swapLastTwo(weights), g), values.shape),
    ];
  },
  Silu: (value, g) => {
    // y = x s, so y' = s + x s (1 − s) = s + y − y s.
    const s = sigmoid(inputOf(value as Value, 0));
    const y = value as Value;
    return [mul(g, add(s, sub(y, mul(y, s))))];
  },
  GeluTanh: ({ inputs: [x] }, g) => {
    // gelu(x) = x s with s = sigmoid(x (a + b x²)), so gelu'(x) = s (1 + x (1 − s) (a + 3 b x²)).
    const a = 2 * Math.sqrt(2 / Math.PI);
    const b = a * 0.044715;
    const square = mul(x!, x!);
    const s = sigmoid(mul(x!, add(mul(square, scalar(b)), scalar(a))));
    const slope = mul(mul(x!, sub(scalar(1), s)), add(mul(square, scalar(3 * b)), scalar(a)));
    return [mul(g, mul(s, add(slope, scalar(1))))];
  },
  RmsNorm: (value, g) => {
    const [x, weight] = operands(value);
    const meanSquare = reduceMean(mul(x, x), [-1]);
    const scale = reciprocal(sqrt(add(meanSquare, scalar(value.attributes.epsilon))));
    const normalized = mul(x, scale);
    const weighted = mul(g, weight);
    const projection = reduceMean(mul(weighted, normalized), [-1]);
    return [
      mul(scale, sub(weighted, mul(normalized, projection))),
      unbroadcast(mul(g, normalized), weight.shape),
    ];
  },
  LayerNorm: ({ inputs: [x, weight, bias], attributes: { epsilon } }, g) => {
    const centred = sub(x!, reduceMean(x!, [-1]));
    const variance = reduceMean(mul(centred, centred), [-1]);
    const scale = reciprocal(sqrt(add(variance, scalar(epsilon))));
    const normalized = mul(centred, scale);
    const weighted = mul(g, weight!);
    const projection = reduceMean(mul(weighted, normalized), [-1]);
    const level = reduceMean(weighted, [-1]);
    return [
      mul(scale, sub(sub(weighted, level), mul(normalized, projection))),
      unbroadcast(mul(g, normalized), weight!.shape),
      unbroadcast(g, bias!.shape),
    ];
  },
  // The inverse of a rotation turns the other way.
  Rotary: ({ inputs: [, positions, cos, sin] }, g) => [
    rotary(g, { positions: positions!, cos: cos!, sin: neg(sin!) }),
    null,
    null,
    null,
  ],
  LinearCrossEntropy: ({ inputs: [hidden, weight, targets] }, g) => {
    // d logits = g · (softmax − onehot). It is never formed: the factor goes into the rows of `hidden`, and what
    // the onehot picks is gathered from and scattered into the rows of `weight`.
    const probabilities = softmax(gemm(hidden!, weight!, { transB: true }));
    const scaled = mul(hidden!, g);
    const dense = gemm(probabilities, scaled, { transA: true });
    return [
      mul(g, sub(gemm(probabilities, weight!), gather(weight!, targets!))),
      scatterAdd(dense, { ids: targets!, updates: neg(scaled) }),
      null,
    ];
  },
  FrozenGemm: ({ inputs: [, ...matrix], attributes }, g) => {
    const transB = !attributes.transB;
    return [apply("FrozenGemm", [g, ...matrix], { ...attributes, transB }), null, null];
  },
  FrozenGather: null,
  FrozenLinearCrossEntropy: ({ inputs: [hidden, weight, targets, scales] }, g) => {
    const matrix = { weight: weight!, scales };
    const probabilities = softmax(frozenGemm(hidden!, matrix, { transB: true }));
    // Exactly: 8 bits would leave nothing of the many probabilities below a 254th of the largest.
    const expected = frozenGemm(probabilities, matrix, { exact: true });
    return [mul(g, sub(expected, frozenRows(matrix, targets!))), null, null, null];
  },
  CachedAttention: null,
  CacheOf: null,
  SliceAt: null,
  RowQuantizedLinear: null,
  BlockQuantizedLinear: null,
};

/** Returns the gradients of the inputs of `value`, given the gradient `upstream` of `value` itself. */
export function inputGradients(value: Value, upstream: Value): InputGradients {
  const rule = gradientRules[value.op] as GradientRule<Op> | null;
  return rule === null ? value.inputs.map(() => null) : rule(value, upstream);
}

/** Whether a gradient can flow through `op` at all. */
export function isDifferentiable(op: Op): boolean {
  return gradientRules[op] !== null;
}

/** Sums `gradient` over the dimensions along which `shape` was broadcast. */
function unbroadcast(gradient: Value, shape: readonly Dim[]): Value {
  const surplus = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((extent, axis) =>
    axis < surplus || (shape[axis - surplus] === 1 && extent !== 1) ? [axis] : []
  );
  // What did not take part in the broadcast may itself have been broadcast from the other side.
  const full = broadcastShapes(gradient.shape, shape);
  const wide = full.join() === gradient.shape.join() ? gradient : expand(gradient, full);
  const summed = axes.length === 0 ? wide : reduceSum(wide, axes);
  return surplus === 0 ? summed : reshape(summed, shape);
}

/** Whether `x` is a value with its last two dimensions swapped. */
function isSwapped(x: Value): boolean {
  if (x.op !== "Transpose") return false;
  const { perm } = x.attributes;
  const rank = perm.length;
  return perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
}

function flattenLeading(shape: readonly Dim[]): [number, number] {
  const extents = staticShape(shape);
  const width = extents.at(-1) ?? 1;
  return [extents.slice(0, -1).reduce((product, extent) => product * extent, 1), width];
}

function isFloat(dtype: string): boolean {
  return dtype.startsWith("float");
}
