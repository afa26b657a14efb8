/**
 * Writing safetensors files as Hugging Face's own library does: the widest elements first, so that every
 * tensor is aligned; one tensor in memory at a time.
 *
 * @module
 */

import type { ByteSink } from "../../utils/atomic_file.ts";
import { SAFETENSORS_DTYPES } from "./safetensors.ts";
import { type Dtype, DTYPE_BYTES, elementCount, type Tensor } from "./tensor.ts";

/** A tensor whose elements are fetched when they are needed, for example from a device. */
export interface RemoteTensor {
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Fetches the elements. */
  download(): Promise<Tensor>;
}

/** A tensor to write, in host memory or not. */
export type TensorSource = Tensor | RemoteTensor;

/** Names and tensors, in any order. */
export type NamedTensors = Iterable<readonly [name: string, tensor: TensorSource]>;

/** Where tensors of each dtype stand in a file, as in Hugging Face's library: the widest elements first. */
const DTYPE_RANKS: Readonly<Record<Dtype, number>> = {
  int64: 0,
  float64: 1,
  float32: 2,
  int32: 3,
  bfloat16: 4,
  float16: 5,
  int8: 6,
  uint8: 7,
  bool: 8,
};

/** Options of {@linkcode safetensorsContent}. */
export interface SafetensorsContentOptions {
  /** The file's `__metadata__`; transformers wants the format of PyTorch. @default {{ format: "pt" }} */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whether tensors are written in the order given, for those that come one after the other; all must then have one
   * dtype. @default {false}
   */
  readonly keepOrder?: boolean;
}

/**
 * Returns what writes `tensors` as a safetensors file, for `writeFileAtomic`.
 *
 * @throws {TypeError} If two tensors have one name.
 */
export function safetensorsContent(
  tensors: NamedTensors,
  options: SafetensorsContentOptions = {},
): (sink: ByteSink) => Promise<void> {
  const { metadata = { format: "pt" }, keepOrder = false } = options;
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) =>
    DTYPE_RANKS[a.dtype] - DTYPE_RANKS[b.dtype] || (keepOrder ? 0 : nameA < nameB ? -1 : 1)
  );
  const header = encodeHeader(ordered, metadata);
  return async (sink) => {
    await sink.write(header);
    for (const [name, source] of ordered) {
      const { data } = "download" in source ? await source.download() : source;
      if (data.length !== elementCount(source.shape)) {
        throw new Error(
          `Internal: tensor "${name}" of [${source.shape}] has ${data.length} elements`,
        );
      }
      await sink.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  };
}

function encodeHeader(
  ordered: readonly (readonly [string, TensorSource])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header = new Map<string, unknown>([["__metadata__", metadata]]);
  let offset = 0;
  for (const [name, { dtype, shape }] of ordered) {
    if (header.has(name)) throw new TypeError(`Cannot write two tensors with the name "${name}"`);
    const end = offset + elementCount(shape) * DTYPE_BYTES[dtype];
    header.set(name, { dtype: SAFETENSORS_DTYPES[dtype], shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}
