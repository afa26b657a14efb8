/**
 * Tensors in host memory: a dtype, a shape and the typed array that holds the elements in row-major order.
 *
 * @module
 */

/** Every element type the engine stores. */
export const DTYPES = [
  "float32",
  "float16",
  "bfloat16",
  "float64",
  "int64",
  "int32",
  "int8",
  "uint8",
  "bool",
] as const;

/** An element type. */
export type Dtype = (typeof DTYPES)[number];

/** The typed array that holds the elements of each dtype; 16-bit floats are kept as their bits. */
export interface DtypeArrays {
  /** IEEE 754 single precision. */
  readonly float32: Float32Array;
  /** IEEE 754 half precision, as bits. */
  readonly float16: Uint16Array;
  /** The upper half of a float32, as bits. */
  readonly bfloat16: Uint16Array;
  /** IEEE 754 double precision. */
  readonly float64: Float64Array;
  /** 64-bit integers. */
  readonly int64: BigInt64Array;
  /** 32-bit integers. */
  readonly int32: Int32Array;
  /** 8-bit integers. */
  readonly int8: Int8Array;
  /** 8-bit natural numbers. */
  readonly uint8: Uint8Array;
  /** One byte each, 0 or 1. */
  readonly bool: Uint8Array;
}

/** The elements of a tensor of dtype `D`. */
export type TensorData<D extends Dtype = Dtype> = DtypeArrays[D];

/** A tensor in host memory. */
export interface Tensor<D extends Dtype = Dtype> {
  /** Element type. */
  readonly dtype: D;
  /** Extent of each dimension; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Elements in row-major order; its length is the product of `shape`. */
  readonly data: TensorData<D>;
}

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Makes the typed array of each dtype, new or over a buffer. */
export type DtypeConstructors = {
  readonly [D in Dtype]: {
    new (length: number): TensorData<D>;
    new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TensorData<D>;
  };
};

/** The constructor of each dtype's typed array. */
export const DTYPE_ARRAYS: DtypeConstructors = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** Returns the number of elements of a tensor of `shape`. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) count *= extent;
  return count;
}

/**
 * Builds a tensor over `data` without copying it.
 *
 * @throws {RangeError} If `data` has not as many elements as `shape`.
 */
export function tensor<D extends Dtype>(
  dtype: D,
  shape: readonly number[],
  data: TensorData<D>,
): Tensor<D> {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(
      `Cannot make a tensor of shape [${shape}]: the data has ${data.length} elements`,
    );
  }
  return { dtype, shape, data };
}

/** Builds a tensor of zeros. */
export function zeros<D extends Dtype>(dtype: D, shape: readonly number[]): Tensor<D> {
  return { dtype, shape, data: new DTYPE_ARRAYS[dtype](elementCount(shape)) };
}
