/**
 * How products with matrices that do not train are written in ONNX, so that they stay small: what a matrix is in
 * float32 is made where it is used and gone after it.
 *
 * @module
 */

import { MICROSOFT_DOMAIN } from "../onnx/model.ts";
import { UINT8_ZERO_POINT } from "../tensor/quantize.ts";
import { ONNX_DTYPE_CODES, type Writer } from "./export_writer.ts";
import type { FrozenDtype, Value, ValueOf } from "./value.ts";

/** The largest magnitude that integers have. */
const LARGEST = 127;

/** Matrices with more rows, such as output matrices, are widened a slice of as many rows at a time. */
const MAX_WIDE_ROWS = 8192;

/** A matrix by the names of its parts. */
interface StoredMatrix {
  readonly stored: FrozenDtype;
  readonly weight: string;
  readonly scales: string | undefined;
  readonly rows: number;
  readonly columns: number;
}

/** Returns a matrix by the names that its parts have in the model that is written. */
function storedMatrix(
  { weight, scales, stored }: {
    readonly weight: Value;
    readonly scales: Value | undefined;
    readonly stored: FrozenDtype;
  },
  writer: Writer,
): StoredMatrix {
  const [rows, columns] = weight.shape as [number, number];
  return {
    stored,
    weight: writer.nameOf(weight),
    scales: scales && writer.nameOf(scales),
    rows,
    columns,
  };
}

/** Writes the product with a matrix that does not train. */
export function exportFrozenGemm(
  { inputs: [x, weight, scales], attributes: { transB, stored, exact } }: ValueOf<"FrozenGemm">,
  writer: Writer,
): string {
  const matrix = storedMatrix({ weight: weight!, scales, stored }, writer);
  const left = writer.nameOf(x!);
  if (writer.target === "cpu" && stored !== "float16" && !exact) {
    return transB
      ? integerProductTransposed(left, matrix, writer)
      : integerProduct(left, matrix, writer);
  }
  if (writer.target === "cpu" && !transB && matrix.rows > MAX_WIDE_ROWS) {
    return slicedProduct(left, matrix, writer);
  }
  const wide = widen(matrix, { writer, backward: !transB });
  return writer.node("Gemm", [left, wide], { attributes: { transB: { int: Number(transB) } } });
}

/** Writes the rows of a matrix that does not train. */
export function exportFrozenGather(
  { inputs: [weight, ids, scales], attributes: { stored } }: ValueOf<"FrozenGather">,
  writer: Writer,
): string {
  const matrix = storedMatrix({ weight: weight!, scales, stored }, writer);
  const idsName = writer.nameOf(ids!);
  if (stored === "float16") {
    return cast(writer.node("GatherND", [matrix.weight, idsName]), writer);
  }
  // GPUs gather no bytes.
  if (writer.target === "gpu") {
    return writer.node("GatherND", [widen(matrix, { writer, backward: false }), idsName]);
  }
  const gathered = cast(writer.node("GatherND", [matrix.weight, idsName]), writer);
  const counted = stored === "int8"
    ? gathered
    : writer.node("Sub", [gathered, number(UINT8_ZERO_POINT, writer)]);
  const column = writer.node("Reshape", [matrix.scales!, writer.integers([matrix.rows, 1])]);
  return writer.node("Mul", [counted, writer.node("GatherND", [column, idsName])]);
}

/** x · W as a sum over slices of W's rows, so that the whole of W is never there in float32. */
function slicedProduct(x: string, matrix: StoredMatrix, writer: Writer): string {
  const starts: number[] = [];
  for (let start = 0; start < matrix.rows; start += MAX_WIDE_ROWS) starts.push(start);
  const slice = (name: string, [axis, start]: readonly [number, number]): string => {
    const end = Math.min(start + MAX_WIDE_ROWS, matrix.rows);
    const bounds = [[start], [end], [axis]].map((bound) => writer.integers(bound));
    return writer.node("Slice", [name, ...bounds]);
  };
  // All before the first product: what is written last of what a product reads is made first, which has to be the sum.
  const lefts = starts.map((start) => slice(x, [1, start]));
  let sum: string | undefined;
  for (const [i, start] of starts.entries()) {
    const wide = widen({
      ...matrix,
      weight: slice(matrix.weight, [0, start]),
      scales: matrix.scales && slice(matrix.scales, [0, start]),
      rows: Math.min(start + MAX_WIDE_ROWS, matrix.rows) - start,
    }, { writer, backward: true });
    sum = writer.node("Gemm", [lefts[i]!, wide, ...sum === undefined ? [] : [sum]]);
  }
  return sum!;
}

/** x · (scales · W)ᵀ, of integers: the scales belong to the columns of the result. */
function integerProductTransposed(x: string, matrix: StoredMatrix, writer: Writer): string {
  // Turning the bytes around costs a fifth of the product; a second copy would cost memory.
  const turned = writer.node("Transpose", [matrix.weight], {
    attributes: { perm: { ints: [1, 0] } },
  });
  return ofIntegers(x, { ...matrix, weight: turned, scales: matrix.scales! }, writer);
}

/** x · (scales · W), of integers: the scales are taken into x before it is rounded. */
function integerProduct(x: string, matrix: StoredMatrix, writer: Writer): string {
  const scaled = writer.node("Mul", [x, matrix.scales!]);
  // One factor per column, though they are equal: with a single one the product takes a third longer.
  const ones = writer.node("Expand", [
    writer.tensor({ dtype: "float32", shape: [1], data: Float32Array.of(1) }),
    writer.integers([matrix.columns]),
  ]);
  return ofIntegers(scaled, { ...matrix, scales: ones }, writer);
}

/** x · W · scales with each row of x rounded to 8 bits by its own scale, so that rows do not change each other. */
export function ofIntegers(
  x: string,
  { weight, scales, stored }: {
    readonly weight: string;
    readonly scales: string;
    readonly stored: FrozenDtype;
  },
  writer: Writer,
): string {
  const largest = writer.node("ReduceMax", [
    writer.node("Abs", [x]),
    writer.integers([-1]),
  ], { attributes: { keepdims: { int: 1 } } });
  const zeroPoint = writer.tensor({
    dtype: "uint8",
    shape: [],
    data: Uint8Array.of(UINT8_ZERO_POINT),
  });
  // A row of zeros is no number here and some integer after it, which is multiplied by 0 at the end.
  const integers = writer.node("QuantizeLinear", [
    writer.node("Div", [x, largest]),
    number(1 / LARGEST, writer),
    zeroPoint,
  ]);
  const product = writer.node("MatMulIntegerToFloat", [
    integers,
    weight,
    number(1 / LARGEST, writer),
    scales,
    zeroPoint,
    ...stored === "uint8" ? [zeroPoint] : [],
  ], { domain: MICROSOFT_DOMAIN });
  return writer.node("Mul", [product, largest]);
}

/**
 * The matrix in float32. ONNX Runtime would make it once for forward and backward and keep it in between, all the
 * memory that was to be saved: what they write means the same but is not the same.
 */
function widen(
  { stored, weight, scales, rows, columns }: StoredMatrix,
  { writer, backward }: { readonly writer: Writer; readonly backward: boolean },
): string {
  if (stored === "float16") {
    if (!backward) return cast(weight, writer);
    const flat = writer.node("Reshape", [weight, writer.integers([rows * columns])]);
    return writer.node("Reshape", [cast(flat, writer), writer.integers([rows, columns])]);
  }
  const zeroPoints = stored === "int8" ? [] : [
    writer.tensor({
      dtype: "uint8",
      shape: [rows],
      data: new Uint8Array(rows).fill(UINT8_ZERO_POINT),
    }),
  ];
  return writer.node("DequantizeLinear", [weight, scales!, ...zeroPoints], {
    attributes: { axis: { int: backward ? -2 : 0 } },
  });
}

function cast(name: string, writer: Writer): string {
  return writer.node("Cast", [name], { attributes: { to: { int: ONNX_DTYPE_CODES.float32 } } });
}

function number(value: number, writer: Writer): string {
  return writer.tensor({ dtype: "float32", shape: [], data: Float32Array.of(value) });
}
