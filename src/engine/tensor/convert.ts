/**
 * Tensors of one dtype as another.
 *
 * @module
 */

import { bfloat16ToFloat32, float16ToFloat32 } from "./float16.ts";
import type { Dtype, DtypeArrays, Tensor } from "./tensor.ts";

type ToFloat32 = { readonly [D in Dtype]: ((data: DtypeArrays[D]) => Float32Array) | null };

/** How the elements of each dtype become float32; `null` for those that are not floating-point numbers. */
const TO_FLOAT32: ToFloat32 = {
  float32: (data) => data,
  float16: float16ToFloat32,
  bfloat16: bfloat16ToFloat32,
  float64: (data) => Float32Array.from(data),
  int64: null,
  int32: null,
  int8: null,
  uint8: null,
  bool: null,
};

/**
 * Returns a tensor of floating-point numbers as float32; one that is float32 already comes back itself.
 *
 * @throws {TypeError} If it holds integers or truth values.
 */
export function toFloat32(source: Tensor): Tensor<"float32"> {
  const convert = TO_FLOAT32[source.dtype] as ((data: Tensor["data"]) => Float32Array) | null;
  if (convert === null) {
    throw new TypeError(`Cannot use a tensor of ${source.dtype} as floating-point numbers`);
  }
  return { dtype: "float32", shape: source.shape, data: convert(source.data) };
}
