/**
 * Writing GGUF files of version 3, one tensor in memory at a time.
 *
 * @module
 */

import type { ByteSink } from "../../../utils/atomic_file.ts";
import { elementCount } from "../tensor.ts";
import { GGML_TYPES, ggmlBytes } from "./ggml_types.ts";
import { aligned, ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GGUF_MAGIC } from "./header_reader.ts";
import {
  GGUF_ARRAY_TYPE,
  GGUF_VALUE_TYPES,
  type GgufMetadata,
  type GgufScalar,
  type GgufValue,
  type GgufValueType,
} from "./metadata.ts";
import { QUANTIZE, type WritableGgmlType } from "./quantize.ts";

/** A tensor to write. */
export interface GgufTensorSpec {
  /** Its name. */
  readonly name: string;
  /** The type it is written in. */
  readonly type: WritableGgmlType;
  /** Extent of each dimension, the slowest first; the last must be whole blocks of the type. */
  readonly shape: readonly number[];
}

/** What a file is to hold. */
export interface GgufContents {
  /** Metadata, in this order. */
  readonly metadata: GgufMetadata;
  /** The tensors, in this order. */
  readonly tensors: readonly GgufTensorSpec[];
  /** Returns the elements of a tensor; asked for each once, in order. */
  readonly read: (tensor: GgufTensorSpec) => Promise<Float32Array>;
}

const VERSION = 3;

/** Elements that are narrowed at once; a whole number of blocks of every type. */
const CHUNK_ELEMENTS = 1 << 20;

/**
 * Returns what writes a file, for `writeFileAtomic`.
 *
 * @throws {TypeError} If two tensors have one name, or one is not whole blocks of its type.
 */
export function ggufContent(contents: GgufContents): (sink: ByteSink) => Promise<void> {
  const { metadata, tensors, read } = contents;
  if (metadata.has(ALIGNMENT_KEY)) throw new TypeError(`Cannot write GGUF with ${ALIGNMENT_KEY}`);
  const header = encodeHeader(metadata, tensors);
  return async (sink) => {
    await sink.write(header);
    for (const tensor of tensors) {
      const values = await read(tensor);
      if (values.length !== elementCount(tensor.shape)) {
        throw new Error(
          `Internal: tensor "${tensor.name}" of [${tensor.shape}] has ${values.length} elements`,
        );
      }
      for (let at = 0; at < values.length; at += CHUNK_ELEMENTS) {
        await sink.write(QUANTIZE[tensor.type](values.subarray(at, at + CHUNK_ELEMENTS)));
      }
      const size = ggmlBytes(tensor.type, values.length);
      await sink.write(new Uint8Array(aligned(size, DEFAULT_ALIGNMENT) - size));
    }
  };
}

function encodeHeader(metadata: GgufMetadata, tensors: readonly GgufTensorSpec[]): Uint8Array {
  const writer = new HeaderWriter();
  writer.bytes(new TextEncoder().encode(GGUF_MAGIC));
  writer.uint32(VERSION);
  writer.uint64(tensors.length);
  writer.uint64(metadata.size);
  for (const [key, value] of metadata) {
    writer.text(key);
    writer.value(value);
  }
  const names = new Set<string>();
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    if (names.has(name)) throw new TypeError(`Cannot write two tensors with the name "${name}"`);
    names.add(name);
    const { id, blockSize } = GGML_TYPES[type];
    if ((shape.at(-1) ?? 1) % blockSize !== 0) {
      throw new TypeError(`Cannot write tensor "${name}" of [${shape}] as ${type}`);
    }
    writer.text(name);
    writer.uint32(shape.length);
    for (const extent of shape.toReversed()) writer.uint64(extent);
    writer.uint32(id);
    writer.uint64(offset);
    offset = aligned(offset + ggmlBytes(type, elementCount(shape)), DEFAULT_ALIGNMENT);
  }
  writer.bytes(new Uint8Array(aligned(writer.length, DEFAULT_ALIGNMENT) - writer.length));
  return writer.finish();
}

/** Appends to bytes that grow as needed. */
class HeaderWriter {
  #bytes = new Uint8Array(1 << 16);
  readonly #utf8 = new TextEncoder();
  length = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length); // which may make new bytes
    this.#bytes.set(bytes, at);
  }

  uint32(value: number): void {
    this.#view(4).setUint32(0, value, true);
  }

  uint64(value: number): void {
    this.#view(8).setBigUint64(0, BigInt(value), true);
  }

  text(text: string): void {
    const bytes = this.#utf8.encode(text);
    this.uint64(bytes.length);
    this.bytes(bytes);
  }

  value(entry: GgufValue): void {
    if (entry.type !== "array") {
      this.uint32(GGUF_VALUE_TYPES[entry.type]);
      this.#scalar(entry.type, entry.value);
      return;
    }
    this.uint32(GGUF_ARRAY_TYPE);
    this.uint32(GGUF_VALUE_TYPES[entry.items]);
    this.uint64(entry.value.length);
    for (const item of entry.value) this.#scalar(entry.items, item);
  }

  #scalar(type: GgufValueType, value: GgufScalar): void {
    switch (type) {
      case "string":
        return this.text(String(value));
      case "bool":
        return this.#view(1).setUint8(0, value ? 1 : 0);
      case "uint8":
        return this.#view(1).setUint8(0, Number(value));
      case "int8":
        return this.#view(1).setInt8(0, Number(value));
      case "uint16":
        return this.#view(2).setUint16(0, Number(value), true);
      case "int16":
        return this.#view(2).setInt16(0, Number(value), true);
      case "uint32":
        return this.uint32(Number(value));
      case "int32":
        return this.#view(4).setInt32(0, Number(value), true);
      case "float32":
        return this.#view(4).setFloat32(0, Number(value), true);
      case "float64":
        return this.#view(8).setFloat64(0, Number(value), true);
      case "uint64":
        return this.uint64(Number(value));
      case "int64":
        return this.#view(8).setBigInt64(0, BigInt(value), true);
    }
  }

  #view(length: number): DataView {
    const at = this.#reserve(length);
    return new DataView(this.#bytes.buffer, at, length);
  }

  #reserve(length: number): number {
    const at = this.length;
    this.length += length;
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
}
