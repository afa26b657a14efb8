/**
 * For every operator, graphs that use it on random shapes: the cases for gradients and for devices.
 *
 * @module
 */

import {
  add,
  after,
  cast,
  concat,
  constant,
  customGradient,
  detach,
  div,
  equal,
  exp,
  expand,
  gather,
  gatherElements,
  gatherOnce,
  geluTanh,
  gemm,
  input,
  layerNorm,
  linear,
  linearCrossEntropy,
  log,
  matMul,
  max,
  min,
  mul,
  neg,
  reciprocal,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  rmsNorm,
  rotary,
  scalar,
  scatterAdd,
  sigmoid,
  silu,
  slice,
  softmax,
  softmaxMatMul,
  sqrt,
  sub,
  tanh,
  transpose,
} from "../../../src/engine/graph/build.ts";
import type { EvaluatedTensor } from "../../../src/engine/graph/evaluate.ts";
import {
  frozenGemm,
  frozenLinear,
  frozenLinearCrossEntropy,
  type FrozenMatrix,
  frozenRows,
} from "../../../src/engine/graph/frozen.ts";
import {
  FROZEN_DTYPES,
  type FrozenDtype,
  type Op,
  type Value,
} from "../../../src/engine/graph/value.ts";
import { type Dtype, elementCount, tensor } from "../../../src/engine/tensor/tensor.ts";

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** A small repeatable source of numbers (the minimal standard generator). */
export function lcg(seed: number): Random {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** A graph with values for its float inputs. */
export interface OpCase {
  /** What it computes. */
  readonly output: Value;
  /** Its float inputs. */
  readonly inputs: readonly Value[];
  /** Elements of the inputs, by name. */
  readonly feeds: Readonly<Record<string, EvaluatedTensor>>;
  /** Dtypes of inputs that are not float32, by name. */
  readonly dtypes: Readonly<Record<string, Dtype>>;
  /** By how much a CPU may differ from the evaluator, where that is more than rounding to float32 makes. */
  readonly tolerance: number | undefined;
}

/** Collects the inputs of one case. */
class CaseBuilder {
  readonly inputs: Value[] = [];
  readonly feeds: Record<string, EvaluatedTensor> = {};
  readonly dtypes: Record<string, Dtype> = {};
  tolerance: number | undefined;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A dimension from 1 to 4. */
  dim(): number {
    return 1 + Math.floor(this.#random() * 4);
  }

  shape(rank = 1 + Math.floor(this.#random() * 3)): number[] {
    return Array.from({ length: rank }, () => this.dim());
  }

  /** A float input with elements in [low, high). */
  float(shape: readonly number[], low = -2, high = 2): Value {
    return this.given(
      shape,
      Float64Array.from(
        { length: elementCount(shape) },
        () => low + (high - low) * this.#random(),
      ),
    );
  }

  given(shape: readonly number[], elements: ArrayLike<number>): Value {
    const name = `x${this.inputs.length}`;
    const value = input(name, "float32", shape);
    this.inputs.push(value);
    // Rounded to float32, so that devices start from the same numbers.
    this.feeds[name] = { shape, data: Float64Array.from(Float32Array.from(elements)) };
    return value;
  }

  /** A matrix that does not train: its elements are in [−1, 1]. */
  frozen(stored: FrozenDtype, shape: readonly [number, number]): FrozenMatrix {
    const zeroPoint = stored === "uint8" ? 128 : 0;
    const element = stored === "float16"
      ? () => Math.round(this.#random() * 256 - 128) / 128
      : () => Math.round(this.#random() * 254 - 127) + zeroPoint;
    const data = Float64Array.from({ length: elementCount(shape) }, element);
    const weight = this.#stored("weight", { dtype: stored, shape, data });
    if (stored === "float16") return { weight };
    const factors = Float32Array.from({ length: shape[0] }, () => (0.5 + this.#random() / 2) / 127);
    const scales = {
      dtype: "float32",
      shape: [shape[0]],
      data: Float64Array.from(factors),
    } as const;
    return { weight, scales: this.#stored("scales", scales) };
  }

  #stored(name: string, { dtype, shape, data }: EvaluatedTensor & { dtype: Dtype }): Value {
    this.feeds[name] = { shape, data };
    this.dtypes[name] = dtype;
    return input(name, dtype, shape);
  }

  /** Constant ids below `limit`. */
  ids(shape: readonly number[], limit: number): Value {
    const data = BigInt64Array.from(
      { length: elementCount(shape) },
      () => BigInt(Math.floor(this.#random() * limit)),
    );
    return constant({ dtype: "int64", shape, data });
  }

  /** Two shapes that broadcast against each other, of different rank or with extents of 1. */
  broadcasting(): [number[], number[]] {
    const shape = this.shape(3);
    const narrow = shape.map((extent) => (this.#random() < 0.5 ? 1 : extent));
    const cut = Math.floor(this.#random() * 3);
    const pair: [number[], number[]] = [shape, narrow.slice(cut)];
    return this.#random() < 0.5 ? pair : [pair[1], pair[0]];
  }
}

type CaseMaker = (make: CaseBuilder) => Value;

const binary = (fn: (a: Value, b: Value) => Value, low = -2): CaseMaker => (make) => {
  const [a, b] = make.broadcasting();
  return fn(make.float(a, low), make.float(b, low));
};
const unary = (fn: (x: Value) => Value, low = -2): CaseMaker => (make) =>
  fn(make.float(make.shape(), low));
const reduce = (fn: (x: Value, axes: readonly number[]) => Value): CaseMaker => (make) =>
  fn(make.float(make.shape(3)), [[0], [1], [-1], [0, 2], [0, 1, 2]][make.dim()]!);
const tied: CaseMaker = (make) => max(make.given([3], [1, 2, 3]), make.given([3], [1, 2, -3]));

/** Makers of cases for every operator. */
export const OP_CASES: Readonly<Record<Op, readonly CaseMaker[]>> = {
  Input: [(make) => make.float(make.shape())],
  Constant: [(make) => mul(make.float([3]), constantOf([3], [1, -2, 0.5]))],
  Add: [binary(add)],
  Sub: [binary(sub)],
  Mul: [binary(mul), (make) => {
    const x = make.float(make.shape());
    return mul(x, x);
  }],
  Div: [binary(div, 0.5)],
  Max: [binary(max), tied],
  Min: [
    binary(min),
    (make) => min(make.given([2, 1], [1, 2]), make.given([1, 2], [1, 2])),
  ],
  Equal: [(make) => {
    // Between constants, and at a distance: a comparison jumps where its sides are equal.
    const same = equal(constantOf([4], [1, 2, 3, 4]), constantOf([4], [1, 0, 3, 0]));
    const apart = equal(make.given([4], [1, 2, 3, 4]), constantOf([], [9]));
    return mul(make.float([4]), add(cast(same, "float32"), cast(apart, "float32")));
  }],
  Neg: [unary(neg)],
  Exp: [unary(exp)],
  Log: [unary(log, 0.5)],
  Sqrt: [unary(sqrt, 0.5)],
  Reciprocal: [unary(reciprocal, 0.5)],
  Sigmoid: [unary(sigmoid)],
  Tanh: [unary(tanh)],
  Cast: [(make) => mul(cast(make.ids([3], 5), "float32"), make.float([3]))],
  // Only of a constant: central differences see through what is detached from an input.
  Detach: [(make) => mul(make.float([3]), detach(constantOf([3], [1, -2, 0.5])))],
  After: [(make) => {
    // Whatever the shapes of the others; the first is needed for more than the order.
    const [x, y, z] = [make.float(make.shape()), make.float([2, 3]), make.float([4])];
    return mul(after(x, y, z), reduceSum(reshape(y, [6]), [0]));
  }],
  CustomGradient: [(make) => {
    const x = make.float(make.shape(2));
    return customGradient(reduceSum(mul(x, x), [1]), { x, slope: mul(x, scalar(2)) });
  }],
  ReduceSum: [reduce(reduceSum)],
  ReduceMean: [reduce(reduceMean)],
  ReduceMax: [
    reduce(reduceMax),
    (make) => reduceMax(make.given([2, 3], [1, 5, 5, 7, 2, 7]), [-1]),
  ],
  MatMul: [
    (make) => {
      const [m, k, n] = make.shape(3);
      return matMul(make.float([m!, k!]), make.float([k!, n!]));
    },
    (make) => {
      const [batch, m, k, n] = make.shape(4);
      return matMul(make.float([batch!, 2, m!, k!]), make.float([1, 2, k!, n!]));
    },
    (make) => matMul(make.float([3, 2, 4]), make.float([4, 5])),
  ],
  Gemm: [0, 1, 2, 3].map((bits): CaseMaker => (make) => {
    const [m, k, n] = make.shape(3) as [number, number, number];
    const [transA, transB] = [(bits & 1) > 0, (bits & 2) > 0];
    const a = make.float(transA ? [k, m] : [m, k]);
    return gemm(a, make.float(transB ? [n, k] : [k, n]), { transA, transB });
  }).concat([
    (make) => linear(make.float([2, 3, 4]), make.float([5, 4])),
    (make) => linear(make.float([2, 3, 4]), make.float([4, 5]), { transposed: true }),
  ]),
  Reshape: [(make) => {
    const x = reshape(make.float([4, 6]), [3, 8]);
    return mul(x, x);
  }],
  Transpose: [(make) => {
    const [a, b, c] = make.shape(3) as [number, number, number];
    return mul(transpose(make.float([a, b, c]), [2, 0, 1]), make.float([c, a, b]));
  }],
  Expand: [(make) => {
    const [a, b, c] = make.shape(3) as [number, number, number];
    return mul(expand(make.float([b, 1]), [a, b, c]), make.float([a, b, c]));
  }],
  Concat: [(make) => {
    const [a, b, c] = make.shape(3) as [number, number, number];
    const joined = concat([make.float([a, b]), make.float([a, c]), make.float([a, 2])], -1);
    return mul(joined, joined);
  }],
  Slice: [
    (make) => slice(make.float([5, 3]), { axis: 0, start: 1, end: 4 }),
    (make) => slice(make.float([2, 6]), { axis: -1, start: 0, end: 3 }),
    (make) => slice(make.float([2, 6]), { axis: 1, start: 2, end: 6 }),
  ],
  Gather: [(make) => {
    const [rows, width] = make.shape(2) as [number, number];
    const rowsGathered = gather(make.float([rows, width]), make.ids([2, 5, 1], rows));
    return mul(rowsGathered, rowsGathered);
  }],
  GatherOnce: [(make) => {
    const rows = gatherOnce(make.float([4, 3]), {
      rows: constant(tensor("int64", [2, 1], BigInt64Array.of(3n, 0n))),
      places: constant(tensor("int64", [4, 1], BigInt64Array.of(1n, 2n, 2n, 0n))),
    });
    return mul(rows, rows);
  }],
  GatherElements: [(make) => {
    const [rows, width] = make.shape(2) as [number, number];
    const picked = gatherElements(make.float([rows, width]), make.ids([rows, 3], width));
    return mul(picked, picked);
  }],
  ScatterAdd: [(make) => {
    const [rows, width] = make.shape(2) as [number, number];
    const sum = scatterAdd(make.float([rows, width]), {
      ids: make.ids([7, 1], rows),
      updates: make.float([7, width]),
    });
    return mul(sum, sum);
  }],
  Softmax: [unary(softmax), (make) => softmax(make.given([2, 3], [1, 1, 1, 50, -50, 0]))],
  SoftmaxMatMul: [
    (make) => softmaxMatMul(make.float([2, 3, 4]), make.float([2, 4, 5])),
    (make) => softmaxMatMul(make.given([2, 3], [1, 1, 1, 50, -50, 0]), make.float([3, 2])),
    (make) => softmaxMatMul(make.float([2, 3, 4]), make.float([4, 5])),
  ],
  Silu: [unary(silu), unary((x) => silu(mul(x, scalar(8))))],
  GeluTanh: [unary(geluTanh), unary((x) => geluTanh(mul(x, scalar(4))))],
  RmsNorm: [(make) => {
    const [a, b] = make.shape(2) as [number, number];
    return rmsNorm(make.float([a, b, 6]), { weight: make.float([6]), epsilon: 1e-3 });
  }],
  LayerNorm: [(make) => {
    const [a, b] = make.shape(2) as [number, number];
    return layerNorm(make.float([a, b, 6]), {
      weight: make.float([6]),
      bias: make.float([6]),
      epsilon: 1e-3,
    });
  }],
  Rotary: [
    (make) => {
      const [batch, heads, tokens] = make.shape(3) as [number, number, number];
      return rotary(make.float([batch, heads, tokens, 8]), {
        positions: make.ids([batch, tokens], 6),
        cos: table(6, 4, Math.cos),
        sin: table(6, 4, Math.sin),
      });
    },
    (make) =>
      rotary(make.float([2, 3, 4, 6]), {
        positions: constant({ dtype: "int64", shape: [1], data: BigInt64Array.of(0n) }),
        cos: table(4, 3, Math.cos),
        sin: table(4, 3, Math.sin),
      }),
  ],
  LinearCrossEntropy: [(make) => {
    const [rows, width] = make.shape(2) as [number, number];
    return linearCrossEntropy(make.float([rows, width]), {
      weight: make.float([5, width]),
      targets: make.ids([rows, 1], 5),
    });
  }],
  FrozenGemm: FROZEN_DTYPES.flatMap((stored) =>
    [0, 1, 2, 3].map((bits): CaseMaker => (make) => {
      const [m, d, n] = make.shape(3) as [number, number, number];
      const [transB, exact] = [(bits & 1) > 0, (bits & 2) > 0];
      // Rounding x below 2 to 8 bits moves y = x · W by at most 4 · 2/254; the gradient of y², 2y · Wᵀ, then by twice
      // that for each of four columns, and by as much as rounding 2y below 16 does.
      if (!exact && stored !== "float16") make.tolerance = 4 * (8 * 2 / 254 + 16 / 254);
      const x = make.float([m, transB ? d : n]);
      return frozenGemm(x, make.frozen(stored, [n, d]), { transB, exact });
    })
  ).concat([(make) => frozenLinear(make.float([2, 3, 4]), make.frozen("float16", [5, 4]))]),
  FrozenGather: FROZEN_DTYPES.map((stored): CaseMaker => (make) => {
    const [rows, width] = make.shape(2) as [number, number];
    const picked = frozenRows(make.frozen(stored, [rows, width]), make.ids([2, 5, 1], rows));
    return mul(picked, make.float([2, 5, width]));
  }),
  FrozenLinearCrossEntropy: FROZEN_DTYPES.map((stored): CaseMaker => (make) => {
    const [rows, width] = make.shape(2) as [number, number];
    // Rotated rows of 4 elements below 2 stay below 4: logits are off by at most 4 · 4/254 and losses by twice that;
    // of the gradient, the loss and the probabilities, each of up to five rows of the matrix.
    if (stored !== "float16") make.tolerance = 8 * 2 * 4 * 4 / 254;
    return frozenLinearCrossEntropy(make.float([rows, width]), {
      ...make.frozen(stored, [5, width]),
      targets: make.ids([rows, 1], 5),
    });
  }),
  // Nothing flows through them: inference_test.ts has their cases.
  CachedAttention: [],
  CacheOf: [],
  SliceAt: [],
  RowQuantizedLinear: [],
  BlockQuantizedLinear: [],
};

function table(positions: number, half: number, fn: (angle: number) => number): Value {
  const angles = Array.from(
    { length: positions * half },
    (_, i) => Math.floor(i / half) / 10 ** ((i % half) / half),
  );
  return constantOf([positions, half], angles.map(fn));
}

function constantOf(shape: readonly number[], elements: readonly number[]): Value {
  return constant({ dtype: "float32", shape, data: Float32Array.from(elements) });
}

/** Makes the cases of `op` for one seed. */
export function casesOf(op: Op, seed: number): OpCase[] {
  return OP_CASES[op].map((maker, index) => {
    const make = new CaseBuilder(lcg(seed * 100 + index + 1));
    const output = maker(make);
    const { inputs, feeds, dtypes, tolerance } = make;
    return { output, inputs, feeds, dtypes, tolerance };
  });
}
