/**
 * The values of a graph: each is one operator applied to other values, with a known dtype and shape. A graph has no
 * object of its own; it is whatever can be reached from the values one asks for.
 *
 * @module
 */

import type { Dtype, Tensor } from "../tensor/tensor.ts";

/** The extent of a dimension; a name stands for an extent that is known only when the graph runs. */
export type Dim = number | string;

/** Every operator. Each table over operators (shapes, gradients, evaluation, export) has a line for each. */
export const OPS = [
  // leaves
  "Input",
  "Constant",
  // elementwise, with broadcasting
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Max",
  "Min",
  "Equal",
  // elementwise
  "Neg",
  "Exp",
  "Log",
  "Sqrt",
  "Reciprocal",
  "Sigmoid",
  "Tanh",
  "Cast",
  "Detach",
  "After",
  "CustomGradient",
  // reductions, which keep the reduced dimensions as 1
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  // products
  "MatMul",
  "Gemm",
  // layout
  "Reshape",
  "Transpose",
  "Expand",
  "Concat",
  "Slice",
  // indexing
  "Gather",
  "GatherOnce",
  "GatherElements",
  "ScatterAdd",
  // fused
  "Softmax",
  "SoftmaxMatMul",
  "GeluTanh",
  "Silu",
  "RmsNorm",
  "LayerNorm",
  "Rotary",
  "LinearCrossEntropy",
  // with matrices that do not train, stored small
  "FrozenGemm",
  "FrozenGather",
  "FrozenLinearCrossEntropy",
  // of inference alone: no gradient flows through them
  "CachedAttention",
  "CacheOf",
  "SliceAt",
  "RowQuantizedLinear",
  "BlockQuantizedLinear",
] as const;

/** An operator. */
export type Op = (typeof OPS)[number];

/** How a matrix that does not train can be stored, by its dtype. */
export const FROZEN_DTYPES = ["float16", "int8", "uint8"] as const;

/** How a matrix that does not train is stored. Integers are times a scale per row; uint8 counts from 128. */
export type FrozenDtype = (typeof FROZEN_DTYPES)[number];

/** An operator without attributes. */
export type NoAttributes = Readonly<Record<never, never>>;

/** Attributes of operators whose results may be made twice. */
export interface Repeatable {
  /** Whether this makes again, of the same inputs, what was made before: so that it need not be kept in between. */
  readonly again?: true;
}

/** The attributes of each operator. */
export interface OpAttributes {
  /** Given at each run. */
  readonly Input: { readonly name: string; readonly dtype: Dtype; readonly shape: readonly Dim[] };
  /** Part of the graph. */
  readonly Constant: { readonly tensor: Tensor };
  /** a + b */
  readonly Add: NoAttributes;
  /** a − b */
  readonly Sub: NoAttributes;
  /** a · b */
  readonly Mul: Repeatable;
  /** a / b */
  readonly Div: NoAttributes;
  /** The larger of both. */
  readonly Max: NoAttributes;
  /** The smaller of both. */
  readonly Min: NoAttributes;
  /** Whether both are equal, as a bool. */
  readonly Equal: NoAttributes;
  /** −x */
  readonly Neg: NoAttributes;
  /** e^x */
  readonly Exp: NoAttributes;
  /** Natural logarithm. */
  readonly Log: NoAttributes;
  /** Square root. */
  readonly Sqrt: NoAttributes;
  /** 1 / x */
  readonly Reciprocal: NoAttributes;
  /** 1 / (1 + e^−x) */
  readonly Sigmoid: NoAttributes;
  /** Hyperbolic tangent. */
  readonly Tanh: NoAttributes;
  /** Conversion to another dtype. */
  readonly Cast: { readonly to: Dtype };
  /** x itself, which no gradient flows through. */
  readonly Detach: NoAttributes;
  /**
   * (x, y, …) → x, which is not there before those of the others are that anything else needs: what is computed from it is
   * computed then. Of the others the last is computed first.
   */
  readonly After: NoAttributes;
  /** (y [n, 1], x [n, d], slope [n, d]) → y, whose gradient with respect to x is `slope`, times the row's own. */
  readonly CustomGradient: NoAttributes;
  /** Sum over `axes`. */
  readonly ReduceSum: { readonly axes: readonly number[] };
  /** Mean over `axes`. */
  readonly ReduceMean: { readonly axes: readonly number[] };
  /** Maximum over `axes`. */
  readonly ReduceMax: { readonly axes: readonly number[] };
  /** Matrix product over the last two dimensions; the others broadcast. */
  readonly MatMul: NoAttributes;
  /** Product of two matrices, each transposed first if so marked. */
  readonly Gemm: { readonly transA: boolean; readonly transB: boolean };
  /** The same elements in another shape. */
  readonly Reshape: { readonly shape: readonly Dim[] };
  /** Dimension `i` of the result is dimension `perm[i]` of the input. */
  readonly Transpose: { readonly perm: readonly number[] };
  /** Broadcast to `shape`. */
  readonly Expand: { readonly shape: readonly Dim[] };
  /** Inputs one after the other along `axis`. */
  readonly Concat: { readonly axis: number };
  /** Elements `start` to before `end` along `axis`. */
  readonly Slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** (data [n, …], ids [..., 1]) → the rows of data that the ids name [..., …] */
  readonly Gather: NoAttributes;
  /**
   * (data [n, d], rows [k, 1], places [n, 1]) → the rows of data that `rows` names, each at most once. `places` says where
   * each row of data is among them, or k where it is not: by it, gradients are gathered too.
   */
  readonly GatherOnce: NoAttributes;
  /** (data [..., n], ids [..., k]) → the elements of each row at its ids [..., k] */
  readonly GatherElements: NoAttributes;
  /** (data [n, d], ids [..., 1], updates [..., d]) → data with each update added to the row that its id names */
  readonly ScatterAdd: NoAttributes;
  /** Softmax over the last dimension. */
  readonly Softmax: NoAttributes;
  /**
   * (scores [..., m, k], values [..., k, n]) → softmax(scores) · values. One operator, as what softmax subtracts from its
   * gradient is the product of what comes out and its gradient, summed: n elements a row, where k would be read again.
   */
  readonly SoftmaxMatMul: NoAttributes;
  /** x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), the approximation of GELU that models are made with. */
  readonly GeluTanh: NoAttributes;
  /** x · sigmoid(x). One operator, as its gradient is made of it and the sigmoid, and x need not be kept. */
  readonly Silu: NoAttributes;
  /** (x, weight) → x / sqrt(mean(x²) + epsilon) · weight, over the last dimension */
  readonly RmsNorm: Repeatable & { readonly epsilon: number };
  /** (x, weight, bias) → (x − mean(x)) / sqrt(var(x) + epsilon) · weight + bias, over the last dimension */
  readonly LayerNorm: { readonly epsilon: number };
  /**
   * (x [batch, heads, seqLen, headDim], positions int64 [batch, seqLen] or [1] where rows count from it,
   * cos [maxPositions, headDim / 2], sin likewise) → x with its halves rotated by the angle of each position
   */
  readonly Rotary: NoAttributes;
  /**
   * (hidden [n, d], weight [vocab, d], targets int64 [n, 1]) → −log softmax(hidden · weightᵀ)[target], [n, 1].
   * One operator, so that no [n, vocab] array but the logits and their softmax ever exists.
   */
  readonly LinearCrossEntropy: NoAttributes;
  /**
   * (x [m, k], weight [n, d] as `stored`, scales [n] if of integers) → x · W, or x · Wᵀ if so marked, for the matrix
   * W that is stored. Gradients flow to x only. Unless `exact`, CPUs may compute with x rounded to 8 bits: each
   * element to within a 254th of the largest of its row.
   */
  readonly FrozenGemm: {
    readonly transB: boolean;
    readonly stored: FrozenDtype;
    readonly exact: boolean;
  };
  /** (weight [n, d] as `stored`, ids [..., 1], scales [n] if of integers) → the rows that the ids name [..., d] */
  readonly FrozenGather: { readonly stored: FrozenDtype };
  /** LinearCrossEntropy of (hidden, weight as `stored`, targets, scales [vocab] if of integers). */
  readonly FrozenLinearCrossEntropy: { readonly stored: FrozenDtype };
  /**
   * (queries, keys and values one after the other [batch, seqLen, (heads + 2 · kvHeads) · headDim], cached keys and values
   * [batch, kvHeads, capacity, headDim], last int32 [batch], total int32 [1], and where they are rotated cos and sin
   * [positions, rotaryDim / 2]) → [batch, seqLen, heads · headDim]. The tokens of row b stand at the positions up to
   * `last[b]`, and see themselves and all before them, at most `window` in all.
   */
  readonly CachedAttention: CachedAttentionAttributes;
  /** (a CachedAttention, then all that it reads) → the cached keys or values with those of the tokens read put in. */
  readonly CacheOf: { readonly part: "key" | "value" };
  /** (x, at int64 [1]) → the elements of an axis before `at`, or from there on; `extent` says how many these are. */
  readonly SliceAt: {
    readonly axis: number;
    readonly part: "before" | "after";
    readonly extent: Dim;
  };
  /**
   * (x [..., k], weight int8 [k, n], scales [n]) → x · (weight · scales). CPUs compute with each row of x rounded to 8
   * bits by its own largest element.
   */
  readonly RowQuantizedLinear: NoAttributes;
  /**
   * (x [..., k], weight uint8 [n, blocks, blockSize · bits / 8], scales [n · blocks], zero points of as many bits, filled
   * up to bytes in each row) → x · Wᵀ, where an element of W is its block's scale times what it has above the zero point.
   */
  readonly BlockQuantizedLinear: {
    readonly bits: 4 | 8;
    readonly blockSize: number;
    readonly inFeatures: number;
  };
}

/** What attention over a cache is told. */
export interface CachedAttentionAttributes {
  /** Heads of queries. */
  readonly numHeads: number;
  /** Factor of the scores. */
  readonly scale: number;
  /** How many tokens back a token sees, itself included; null sees all. */
  readonly window: number | null;
}

/** A value that `O` makes. */
export interface ValueOf<O extends Op> {
  /** The operator that makes it. */
  readonly op: O;
  /** What the operator reads. */
  readonly inputs: readonly Value[];
  /** The operator's attributes. */
  readonly attributes: OpAttributes[O];
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly Dim[];
}

/** A value of a graph. */
export type Value = { readonly [O in Op]: ValueOf<O> }[Op];

/** Returns input `index` of `value`, which has it by its operator's signature. */
export function inputOf(value: Value, index: number): Value {
  const input = value.inputs[index];
  if (input === undefined) throw new Error(`Internal: ${value.op} has no input ${index}`);
  return input;
}

/** Returns the elements of `axis` counted from the front, for an axis that may count from the back. */
export function normalizeAxis(axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!(normalized >= 0 && normalized < rank)) {
    throw new RangeError(`Cannot use axis ${axis} of a value with ${rank} dimensions`);
  }
  return normalized;
}

/**
 * Returns `shape` as numbers.
 *
 * @throws {TypeError} If a dimension is known only at run time.
 */
export function staticShape(shape: readonly Dim[]): readonly number[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    throw new TypeError(`Cannot use dimension "${dim}" where its extent must be known`);
  });
}

/** Returns every value that `roots` are made of, each after those it reads. */
export function topologicalOrder(roots: readonly Value[]): Value[] {
  const order: Value[] = [];
  const seen = new Set<Value>();
  // An explicit stack: deep models would overflow the call stack.
  const stack: { value: Value; next: number }[] = [];
  for (const root of roots) {
    if (!seen.has(root)) stack.push({ value: root, next: 0 });
    seen.add(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const input = top.value.inputs[top.next++];
      if (input === undefined) {
        order.push(top.value);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ value: input, next: 0 });
      }
    }
  }
  return order;
}
