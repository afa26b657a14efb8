/**
 * Tensors of ONNX Runtime and ours.
 *
 * @module
 */

import type { Tensor as OrtTensor, TypedTensor } from "onnxruntime-common";
import { type Dtype, DTYPE_ARRAYS, DTYPES, type Tensor } from "../tensor/tensor.ts";
import type { OrtWeb } from "./web_runtime.ts";

/** What all forms of a library's host tensor have. */
export interface OrtHostTensor {
  /** Element type. */
  readonly type: string;
  /** Extent of each dimension. */
  readonly dims: readonly number[];
  /** Elements: a typed array, but strings have none. */
  readonly data: unknown;
}

/**
 * Returns `tensor` as ONNX Runtime Web has it, over the same memory.
 *
 * @throws {TypeError} If the library cannot be given its dtype.
 */
export function toOrtTensor(ort: OrtWeb, { dtype, shape, data }: Tensor): OrtTensor {
  const type = requireFeedable(dtype);
  return new ort.Tensor(type, data as TypedTensor<typeof type>["data"], shape);
}

/** Returns a tensor of the library as ours, over the same memory. */
export function fromOrtTensor({ type, dims, data }: OrtHostTensor): Tensor {
  const dtype = toDtype(type);
  // ONNX Runtime Web has half precision as Float16Array; ours are the bits
  const { buffer, byteOffset, length } = data as Uint8Array;
  return { dtype, shape: dims, data: new DTYPE_ARRAYS[dtype](buffer, byteOffset, length) };
}

/**
 * Returns the dtype that the library calls `type`.
 *
 * @throws {TypeError} If we have none such.
 */
export function toDtype(type: string): Dtype {
  const dtype = DTYPES.find((name) => name === type);
  if (dtype === undefined) throw new TypeError(`Cannot use a tensor of ${type}`);
  return dtype;
}

/**
 * Returns `dtype`, which the library calls by the same name.
 *
 * @throws {TypeError} If its JavaScript interface has no such tensors.
 */
export function requireFeedable(dtype: Dtype): Exclude<Dtype, "bfloat16"> {
  if (dtype === "bfloat16") throw new TypeError("Cannot feed a bfloat16 tensor: cast it first");
  return dtype;
}
