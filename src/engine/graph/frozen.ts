/**
 * Functions that build values with matrices that do not train and are stored small: as half-precision floats, or as
 * 8-bit integers with a scale for each row.
 *
 * @module
 */

import { apply, reshape } from "./build.ts";
import { FROZEN_DTYPES, type FrozenDtype, staticShape, type Value } from "./value.ts";

/** A matrix that does not train. */
export interface FrozenMatrix {
  /** float16, or int8, or uint8 that counts from 128, [rows, columns]. */
  readonly weight: Value;
  /** The factor of each row of integers, float32 [rows]; `undefined` with float16. */
  readonly scales?: Value | undefined;
}

/** Options of {@linkcode frozenGemm}. */
export interface FrozenGemmOptions {
  /** Transpose the matrix first. @default {false} */
  readonly transB?: boolean;
  /** Never round what is multiplied with the matrix to 8 bits. @default {false} */
  readonly exact?: boolean;
}

/**
 * Returns the product of `x` [m, k] and a matrix that does not train. Its gradient flows to `x` only.
 *
 * On CPUs and with integers, each row of `x` (and of its gradient) is rounded to 8 bits unless `exact`.
 *
 * @throws {TypeError} If the matrix is not stored in one of the ways above.
 */
export function frozenGemm(
  x: Value,
  matrix: FrozenMatrix,
  options: FrozenGemmOptions = {},
): Value {
  const { transB = false, exact = false } = options;
  const stored = storedAs(matrix);
  return apply("FrozenGemm", [x, ...inputsOf(matrix)], { transB, stored, exact });
}

/** Returns `x` [..., inFeatures] · Wᵀ for a matrix W [outFeatures, inFeatures] that does not train. */
export function frozenLinear(x: Value, matrix: FrozenMatrix): Value {
  const [outFeatures, inFeatures] = matrix.weight.shape;
  const leading = staticShape(x.shape.slice(0, -1));
  const rows = leading.reduce((product, extent) => product * extent, 1);
  const flat = frozenGemm(reshape(x, [rows, inFeatures!]), matrix, { transB: true });
  return reshape(flat, [...leading, outFeatures!]);
}

/** Returns the rows of a matrix [n, d] that `ids` [..., 1] name, as float32 [..., d]. */
export function frozenGather(matrix: FrozenMatrix, ids: Value): Value {
  const { weight, scales } = matrix;
  const inputs = [weight, ids, ...scales === undefined ? [] : [scales]];
  return apply("FrozenGather", inputs, { stored: storedAs(matrix) });
}

/** Returns `linearCrossEntropy` with an output matrix [vocab, d] that does not train. */
export function frozenLinearCrossEntropy(
  hidden: Value,
  { targets, ...matrix }: FrozenMatrix & {
    /** The right ids, int64 [n, 1]. */
    readonly targets: Value;
  },
): Value {
  const { weight, scales } = matrix;
  const inputs = [hidden, weight, targets, ...scales === undefined ? [] : [scales]];
  return apply("FrozenLinearCrossEntropy", inputs, { stored: storedAs(matrix) });
}

function inputsOf({ weight, scales }: FrozenMatrix): Value[] {
  return scales === undefined ? [weight] : [weight, scales];
}

function storedAs({ weight }: FrozenMatrix): FrozenDtype {
  const stored = FROZEN_DTYPES.find((dtype) => dtype === weight.dtype);
  if (stored === undefined) {
    throw new TypeError(`Cannot use a matrix of ${weight.dtype} as one that does not train`);
  }
  return stored;
}
