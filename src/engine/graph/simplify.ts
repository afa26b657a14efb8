/**
 * Makes a graph smaller without changing what it computes: composite operators are spelled out, constants evaluated,
 * equal values shared, and needless ones left out. Values that nothing reads disappear by themselves.
 *
 * @module
 */

import { elementCount, type Tensor } from "../tensor/tensor.ts";
import {
  add,
  apply,
  concat,
  constant,
  gatherElements,
  gemm,
  log,
  matMul,
  mul,
  neg,
  reduceMax,
  reshape,
  scatterAdd,
  sigmoid,
  softmax,
  sub,
  transpose,
  zeroValue,
} from "./build.ts";
import { evaluateOp, fromEvaluated, toEvaluated } from "./evaluate.ts";
import { frozenGemm } from "./frozen.ts";
import {
  inputOf,
  type Op,
  type OpAttributes,
  staticShape,
  topologicalOrder,
  type Value,
  type ValueOf,
} from "./value.ts";

/** Constants with more elements are computed by the device, except that they may be reordered. */
const MAX_FOLDED_ELEMENTS = 1 << 16;

type Rewrites = { readonly [O in Op]?: (value: ValueOf<O>) => Value | undefined };

/** Rules that give a value in simpler terms, or `undefined` where they do not apply. */
const rewrites: Rewrites = {
  Reshape: (value) => {
    const x = inputOf(value as Value, 0);
    if (sameShape(x, value)) return x;
    return x.op === "Reshape" ? reshape(inputOf(x, 0), value.shape) : undefined;
  },
  Transpose: (value) => {
    const x = inputOf(value as Value, 0);
    const { perm } = value.attributes;
    if (perm.every((axis, i) => axis === i)) return x;
    if (x.op !== "Transpose") return undefined;
    return transpose(inputOf(x, 0), perm.map((axis) => x.attributes.perm[axis]!));
  },
  Expand: (value) => {
    const x = inputOf(value as Value, 0);
    return sameShape(x, value) ? x : undefined;
  },
  Slice: (value) => {
    const x = inputOf(value as Value, 0);
    return sameShape(x, value) ? x : undefined;
  },
  Cast: (value) => {
    const x = inputOf(value as Value, 0);
    return x.dtype === value.dtype ? x : undefined;
  },
  Detach: (value) => inputOf(value as Value, 0),
  CustomGradient: (value) => inputOf(value as Value, 0),
  Neg: (value) => {
    const x = inputOf(value as Value, 0);
    return x.op === "Neg" ? inputOf(x, 0) : undefined;
  },
  Add: (value) => {
    const [a, b] = value.inputs as [Value, Value];
    if (isFilledWith(a, 0) && sameShape(b, value)) return b;
    if (isFilledWith(b, 0) && sameShape(a, value)) return a;
    return mergeScatters(a, b) ?? mergeScatters(b, a) ?? fillGaps(a, b);
  },
  Mul: (value) => {
    const [a, b] = value.inputs as [Value, Value];
    if (isFilledWith(a, 1) && sameShape(b, value)) return b;
    if (isFilledWith(b, 1) && sameShape(a, value)) return a;
    // What is broadcast anyway needs no expanding first.
    return withoutExpand(value);
  },
  Sub: withoutExpand,
  Div: withoutExpand,
  SoftmaxMatMul: ({ inputs: [scores, values] }) => matMul(softmax(scores!), values!),
  Silu: ({ inputs: [x] }) => mul(x!, sigmoid(x!)),
  LinearCrossEntropy: (value) => {
    const [hidden, weight, targets] = value.inputs as [Value, Value, Value];
    return crossEntropy(gemm(hidden, weight, { transB: true }), targets);
  },
  FrozenLinearCrossEntropy: (value) => {
    const [hidden, weight, targets, scales] = value.inputs as [Value, Value, Value, Value?];
    return crossEntropy(frozenGemm(hidden, { weight, scales }, { transB: true }), targets);
  },
};

function crossEntropy(logits: Value, targets: Value): Value {
  // log Σ e^x = max x − log max softmax(x): two maxima instead of another exponential over all of it. Of what an operator
  // reads, what is written last is computed first: softmax, in the place of the logits, when nothing else reads them.
  const fromLargest = log(reduceMax(softmax(logits), [-1]));
  const logSum = add(neg(fromLargest), reduceMax(logits, [-1]));
  return sub(logSum, gatherElements(logits, targets));
}

/** Returns values that compute the same as `values`, in fewer operators; inputs stay what they are. */
export function simplify(values: readonly Value[]): Value[] {
  const simplified = new Map<Value, Value>();
  const interned = new Map<string, Value>();
  const numbers = new Map<Value | Tensor, number>();

  /** Returns the one value that stands for all that are made like `value`. */
  const intern = (value: Value): Value => {
    const key = structure(value, numbers);
    const known = interned.get(key);
    if (known === undefined) interned.set(key, value);
    return known ?? value;
  };

  const rewrite = (value: Value): Value => {
    const rewritten = fold(value) ??
      (rewrites[value.op] as ((value: Value) => Value | undefined) | undefined)?.(value);
    return rewritten === undefined ? value : visit(rewritten);
  };

  const needed = neededValues(values);

  const visit = (value: Value): Value => {
    const known = simplified.get(value);
    if (known !== undefined) return known;
    const inputs = inputsRead(value, needed).map(visit);
    if (value.op === "After" && inputs.length === 1) {
      simplified.set(value, inputs[0]!);
      return inputs[0]!;
    }
    const changed = inputs.length !== value.inputs.length ||
      inputs.some((input, i) => input !== value.inputs[i]);
    const rebuilt = changed ? apply(value.op as Op, inputs, value.attributes) : value;
    const shared = intern(rebuilt);
    const result = simplified.get(shared) ?? rewrite(shared);
    simplified.set(value, result);
    simplified.set(shared, result);
    return result;
  };

  // Inputs first, so that no visit goes deeper than a rewrite reaches.
  for (const value of topologicalOrder(values)) visit(value);
  return values.map((value) => simplified.get(value)!);
}

/** Returns what `values` are made of, without what is there only for the sake of order. */
function neededValues(values: readonly Value[]): ReadonlySet<Value> {
  const needed = new Set(values);
  for (const value of needed) {
    const read = value.op === "After" || value.op === "CustomGradient" ? 1 : value.inputs.length;
    for (const input of value.inputs.slice(0, read)) needed.add(input);
  }
  return needed;
}

/** What `value` reads; of what it only comes after, what is needed anyway. */
function inputsRead(value: Value, needed: ReadonlySet<Value>): readonly Value[] {
  if (value.op !== "After") return value.inputs;
  return value.inputs.filter((input, i) => i === 0 || needed.has(input));
}

/** Returns the constant that `value` is, if all it reads are constants. */
function fold(value: Value): Value | undefined {
  if (value.inputs.length === 0) return undefined;
  if (value.shape.some((extent) => typeof extent !== "number")) return undefined;
  const tensors: Tensor[] = [];
  for (const input of value.inputs) {
    if (input.op !== "Constant") return undefined;
    tensors.push(input.attributes.tensor);
  }
  if (value.op === "Reshape") {
    return constant({ ...tensors[0]!, shape: value.shape as number[] });
  }
  if (value.op === "Transpose" && value.attributes.perm.join() === "1,0") {
    return constant(transposeMatrix(tensors[0]!));
  }
  const size = elementCount(value.shape as number[]);
  const grows = tensors.every(({ data }) => data.length < size);
  if (size > MAX_FOLDED_ELEMENTS || (grows && size > 1)) return undefined;
  const attributes = value.attributes as OpAttributes[Op];
  const result = evaluateOp(value.op as Op, tensors.map(toEvaluated), attributes);
  return constant(fromEvaluated(result, value.dtype));
}

/** Transposes a matrix of any dtype in square blocks that fit the cache. */
function transposeMatrix({ dtype, shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number];
  const result = data.slice();
  const block = 32;
  for (let row0 = 0; row0 < rows; row0 += block) {
    for (let column0 = 0; column0 < columns; column0 += block) {
      const rowEnd = Math.min(row0 + block, rows);
      const columnEnd = Math.min(column0 + block, columns);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          result[column * rows + row] = data[row * columns + column]!;
        }
      }
    }
  }
  return { dtype, shape: [columns, rows], data: result };
}

/** Adds into one scatter what would be a sum with a scatter onto zeros. */
function mergeScatters(a: Value, b: Value): Value | undefined {
  if (b.op !== "ScatterAdd" || !isFilledWith(inputOf(b, 0), 0)) return undefined;
  return sameShape(a, b)
    ? scatterAdd(a, { ids: inputOf(b, 1), updates: inputOf(b, 2) })
    : undefined;
}

/** Joins two concatenations that fill each other's gaps: the gradients of the parts of one value add up to such. */
function fillGaps(a: Value, b: Value): Value | undefined {
  if (a.op !== "Concat" || b.op !== "Concat" || !sameShape(a, b)) return undefined;
  const { axis } = a.attributes;
  const total = a.shape[axis]!;
  if (b.attributes.axis !== axis || typeof total !== "number") return undefined;
  const parts = [...filledParts(a, axis), ...filledParts(b, axis)]
    .toSorted((left, right) => left.start - right.start);
  const joined: Value[] = [];
  let end = 0;
  const fillTo = (start: number) => {
    if (start === end) return;
    joined.push(zeroValue(a.dtype, staticShape(a.shape.with(axis, start - end))));
  };
  for (const { start, value } of parts) {
    if (start < end) return undefined;
    fillTo(start);
    joined.push(value);
    end = start + (value.shape[axis] as number);
  }
  fillTo(total);
  return concat(joined, axis);
}

/** The parts of a concatenation that are not zeros, and where they begin. */
function filledParts(
  { inputs }: Value,
  axis: number,
): { readonly start: number; readonly value: Value }[] {
  let end = 0;
  return inputs.flatMap((value) => {
    const start = end;
    end += value.shape[axis] as number;
    return isFilledWith(value, 0) ? [] : [{ start, value }];
  });
}

function withoutExpand(value: ValueOf<"Mul"> | ValueOf<"Sub"> | ValueOf<"Div">): Value | undefined {
  const [a, b] = value.inputs as [Value, Value];
  const inner = (x: Value, other: Value) =>
    x.op === "Expand" && sameShape(other, value) ? inputOf(x, 0) : x;
  const [left, right] = [inner(a, b), inner(b, a)];
  if ((left === a && right === b) || (left !== a && right !== b)) return undefined;
  return apply(value.op, [left, right], {});
}

function sameShape(
  a: { readonly shape: Value["shape"] },
  b: { readonly shape: Value["shape"] },
): boolean {
  return a.shape.length === b.shape.length && a.shape.every((dim, axis) => dim === b.shape[axis]);
}

function isFilledWith(value: Value, element: number): boolean {
  if (value.op === "Expand") return isFilledWith(inputOf(value, 0), element);
  if (value.op !== "Constant" || !value.dtype.startsWith("float")) return false;
  const { data } = value.attributes.tensor;
  for (let i = 0; i < data.length; i++) if (data[i] !== element) return false;
  return true;
}

/** Describes how `value` is made; equal descriptions compute the same. */
function structure(value: Value, numbers: Map<Value | Tensor, number>): string {
  const number = (thing: Value | Tensor): number => {
    const known = numbers.get(thing) ?? numbers.size;
    numbers.set(thing, known);
    return known;
  };
  if (value.op === "Input") return `Input ${number(value)}`;
  if (value.op === "Constant") {
    const { tensor } = value.attributes;
    const content = tensor.data.length <= 64 ? tensor.data.join() : `#${number(tensor)}`;
    return `Constant ${tensor.dtype} [${tensor.shape}] ${content}`;
  }
  return `${value.op} ${value.inputs.map(number)} ${JSON.stringify(value.attributes)}`;
}
