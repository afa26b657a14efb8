/**
 * Functions that build values with matrices that do not train and are stored small: as half-precision floats, or as
 * 8-bit integers with a scale for each row.
 *
 * @module
 */

import { rotationBlock, rotationMatrix } from "../tensor/rotation.ts";
import { apply, constant, gemm, reshape } from "./build.ts";
import { multiplyDims } from "./infer.ts";
import { FROZEN_DTYPES, type FrozenDtype, staticShape, type Value } from "./value.ts";

/** A matrix that does not train, as `quantizeRows` makes it or of half-precision floats. */
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
 * Returns the product of `x` [m, k] and the stored matrix as it is: of integers, one whose rows are rotated. Gradients
 * flow to `x` only.
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

/** Returns the rows of the stored matrix as it is, [n, d], that `ids` [..., 1] name, as float32 [..., d]. */
export function frozenRows(matrix: FrozenMatrix, ids: Value): Value {
  const { weight, scales } = matrix;
  const inputs = [weight, ids, ...scales === undefined ? [] : [scales]];
  return apply("FrozenGather", inputs, { stored: storedAs(matrix) });
}

/** Returns `x` [..., inFeatures] · Wᵀ for a matrix W [outFeatures, inFeatures] that does not train. */
export function frozenLinear(x: Value, matrix: FrozenMatrix): Value {
  const [outFeatures, inFeatures] = staticShape(matrix.weight.shape) as [number, number];
  const leading = staticShape(x.shape.slice(0, -1));
  const rows = leading.reduce((product, extent) => product * extent, 1);
  const flat = rotateFor(reshape(x, [rows, inFeatures]), matrix);
  return reshape(frozenGemm(flat, matrix, { transB: true }), [...leading, outFeatures]);
}

/** Returns the rows of a matrix [n, d] that `ids` [..., 1] name, as float32 [..., d]. */
export function frozenGather(matrix: FrozenMatrix, ids: Value): Value {
  return rotateFor(frozenRows(matrix, ids), matrix);
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
  const inputs = [
    rotateFor(hidden, matrix),
    weight,
    targets,
    ...scales === undefined ? [] : [scales],
  ];
  return apply("FrozenLinearCrossEntropy", inputs, { stored: storedAs(matrix) });
}

/** Rotates the rows of `x` as those of a matrix of integers are; as that is its own inverse, also back. */
export function rotateFor(x: Value, matrix: FrozenMatrix): Value {
  if (storedAs(matrix) === "float16") return x;
  const [width] = staticShape(x.shape.slice(-1)) as [number];
  const block = rotationBlock(width);
  if (block === 1) return x;
  const rows = x.shape.slice(0, -1).reduce(multiplyDims, width / block);
  const blocks = reshape(x, [rows, block]);
  return reshape(gemm(blocks, constant(rotationMatrix(width))), x.shape);
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
