/**
 * Cross-entropy against an output matrix that does not train, a slice of its rows after the other: neither the logits of
 * all token ids nor the whole matrix in another form are ever there.
 *
 * Softmax over a slice is all that its gradient needs, up to a factor for each row that is known when all slices are: so
 * what the probabilities of a slice pick of its rows is computed while they are there (as in Milakov and Gimelshein,
 * "Online normalizer calculation for softmax", 2018).
 *
 * @module
 */

import { tensor } from "../tensor/tensor.ts";
import {
  add,
  after,
  cast,
  constant,
  customGradient,
  equal,
  exp,
  gather,
  gatherElements,
  gemm,
  log,
  max,
  min,
  mul,
  neg,
  reduceMax,
  slice,
  softmax,
  sub,
} from "./build.ts";
import { frozenGemm, type FrozenMatrix, frozenRows, rotateFor } from "./frozen.ts";
import { staticShape, type Value } from "./value.ts";

/** Rows of a slice: its logits stay in the caches of a CPU. */
const MAX_ROWS = 4096;

/** Matrices whose rows are as many floats or a multiple lie on each other's places in the caches of a CPU. */
const COLLIDING_ROWS = 1024;

/** Registers hold as many floats. */
const ROW_STEP = 16;

/** What {@linkcode slicedCrossEntropy} predicts, and by what. */
export interface SlicedPrediction {
  /** The output matrix [vocab, d]: float32, or in a form in which matrices that do not train are kept. */
  readonly matrix: FrozenMatrix;
  /** The right ids, int64 [n, 1]. */
  readonly targets: Value;
}

/** Rows `start` to before `end`. */
export interface RowRange {
  /** The first of them. */
  readonly start: number;
  /** The first after them. */
  readonly end: number;
}

/** What slices add up to. */
interface Sums {
  /** log Σ e^logit, [n, 1]. */
  readonly logSum: Value;
  /** The logit of the target, 0 as long as it has not come, [n, 1]. */
  readonly target: Value;
  /** The rows of the matrix, each times its probability among those that have come, [n, d]. */
  readonly expected: Value;
}

/** Returns the ranges in which `rows` rows are taken: all at once if they are few. */
export function sliceRows(rows: number): RowRange[] {
  const even = Math.ceil(rows / Math.ceil(rows / MAX_ROWS) / ROW_STEP) * ROW_STEP;
  const size = even % COLLIDING_ROWS === 0 ? even + ROW_STEP : even;
  const ranges: RowRange[] = [];
  for (let start = 0; start < rows; start += size) {
    ranges.push({ start, end: Math.min(start + size, rows) });
  }
  return ranges;
}

/**
 * Returns −log softmax(hidden · Wᵀ)[target], [n, 1], of each row of `hidden` [n, d] for the matrix W. Gradients flow to
 * `hidden` only.
 */
export function slicedCrossEntropy(hidden: Value, prediction: SlicedPrediction): Value {
  const { matrix, targets } = prediction;
  const isPlain = matrix.weight.dtype === "float32";
  const x = isPlain ? hidden : rotateFor(hidden, matrix);
  let sums: Sums | undefined;
  for (const range of sliceRows(staticShape(matrix.weight.shape)[0]!)) {
    sums = addSlice(sums, { x, range, prediction });
  }
  const { logSum, target, expected } = sums!;
  const picked = isPlain ? gather(matrix.weight, targets) : frozenRows(matrix, targets);
  return customGradient(sub(logSum, target), { x, slope: sub(expected, picked) });
}

/** Adds a slice to the sums of those before it. */
function addSlice(
  sums: Sums | undefined,
  { x, range, prediction: { matrix, targets } }: {
    readonly x: Value;
    readonly range: RowRange;
    readonly prediction: SlicedPrediction;
  },
): Sums {
  const { logits, mix } = sliceOf(matrix, {
    ...{ x, range },
    // The last is computed first: when softmax is, nothing else reads the logits any more, and it takes their place.
    earlier: sums === undefined ? [] : [sums.expected, sums.logSum, sums.target],
  });
  const { place, isHere } = findTargets(targets, range);
  const target = mul(gatherElements(logits, place), isHere);
  const probabilities = softmax(logits);
  // log Σ e^x = max x − log max softmax(x): two maxima instead of another exponential over all of it.
  const logSum = add(neg(log(reduceMax(probabilities, [-1]))), reduceMax(logits, [-1]));
  const expected = mix(probabilities);
  if (sums === undefined) return { logSum, target, expected };

  const largest = max(sums.logSum, logSum);
  const parts = [sums.logSum, logSum].map((part) => exp(sub(part, largest)));
  const total = add(largest, log(add(parts[0]!, parts[1]!)));
  return {
    logSum: total,
    target: add(sums.target, target),
    expected: add(
      mul(sums.expected, exp(sub(sums.logSum, total))),
      mul(expected, exp(sub(logSum, total))),
    ),
  };
}

/** What is computed with some rows of a matrix. */
interface MatrixSlice {
  /** The product of what is predicted from and the rows, transposed. */
  readonly logits: Value;
  /** Returns the product of `weights` [n, rows] and the rows. */
  readonly mix: (weights: Value) => Value;
}

/** Returns what is computed with some rows of a matrix, once all of `earlier` is there. */
function sliceOf(
  { weight, scales }: FrozenMatrix,
  { x, range, earlier }: {
    readonly x: Value;
    readonly range: RowRange;
    readonly earlier: readonly Value[];
  },
): MatrixSlice {
  const cut = (value: Value): Value => slice(value, { axis: 0, ...range });
  const wait = (value: Value): Value => earlier.length === 0 ? value : after(value, ...earlier);
  const rows = cut(weight);
  if (weight.dtype === "float32") {
    return {
      logits: gemm(wait(x), rows, { transB: true }),
      mix: (weights) => gemm(weights, rows),
    };
  }
  // What waits is small, and not what would be rounded to 8 bits again for each slice.
  const matrix = { weight: rows, scales: scales && wait(cut(scales)) };
  const left = scales === undefined ? wait(x) : x;
  return {
    logits: frozenGemm(left, matrix, { transB: true }),
    // Exactly: 8 bits would leave nothing of the many probabilities below a 254th of the largest.
    mix: (weights) => frozenGemm(weights, matrix, { exact: true }),
  };
}

/** Returns where in a range each target is, int64 [n, 1], and whether it is there at all, float32 [n, 1]. */
function findTargets(
  targets: Value,
  { start, end }: RowRange,
): { readonly place: Value; readonly isHere: Value } {
  const integer = (value: number): Value =>
    constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
  const inside = min(max(targets, integer(start)), integer(end - 1));
  return {
    place: sub(inside, integer(start)),
    isHere: cast(equal(inside, targets), "float32"),
  };
}
