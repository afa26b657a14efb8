/**
 * Decodes the header of a GGUF file: metadata, and the place of each tensor.
 *
 * @module
 */

import { messageOf } from "../../../utils/errors.ts";
import { elementCount } from "../tensor.ts";
import { GGML_TYPES, ggmlBytes, type GgmlType, ggmlTypeOf } from "./ggml_types.ts";
import {
  GGUF_ARRAY_TYPE,
  type GgufMetadata,
  type GgufScalar,
  type GgufValue,
  type GgufValueType,
  ggufValueTypeOf,
} from "./metadata.ts";

/** The first bytes of every file. */
export const GGUF_MAGIC = "GGUF";

/** Alignment of tensors where the metadata has none. */
export const DEFAULT_ALIGNMENT = 32;

/** The key of the metadata that holds the alignment of tensors. */
export const ALIGNMENT_KEY = "general.alignment";

/** What the header says of one tensor. */
export interface GgufTensor {
  /** Element type. */
  readonly type: GgmlType;
  /** Extent of each dimension, the slowest first, as everywhere here and unlike in the file. */
  readonly shape: readonly number[];
  /** Where its blocks begin in the file. */
  readonly offsetBytes: number;
  /** How long they are. */
  readonly sizeBytes: number;
}

/** A decoded header. */
export interface GgufHeader {
  /** Version of the format, 2 or 3. */
  readonly version: number;
  /** Metadata by key. */
  readonly metadata: GgufMetadata;
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Thrown when the bytes given end before the header does: with more of them it may be decoded. */
export class OutOfBytesError extends Error {}

/** Thrown when the bytes are no header; the message says what is wrong, not of which file. */
export class GgufFormatError extends Error {}

const MAX_DIMENSIONS = 4;

/** Decodes the header at the start of `bytes`; `fileBytes` is how long the file is. */
export function decodeGgufHeader(bytes: Uint8Array, fileBytes: number): GgufHeader {
  const reader = new HeaderReader(bytes);
  const magic = reader.ascii(4);
  if (magic !== GGUF_MAGIC) throw new GgufFormatError("it does not begin with GGUF");
  const version = reader.uint32();
  if (version === 1) {
    throw new GgufFormatError("it has version 1 of the format; convert the model again");
  }
  if (version !== 2 && version !== 3) {
    const isSwapped = (version & 0xffff) === 0 && version !== 0;
    throw new GgufFormatError(
      isSwapped ? "it is big-endian; convert the model again" : `version ${version} is not known`,
    );
  }
  const tensorCount = reader.count("tensors");
  const keyCount = reader.count("keys");
  const metadata = readMetadata(reader, keyCount);
  const infos = readTensorInfos(reader, tensorCount);
  const alignment = readAlignment(metadata);
  const dataStart = aligned(reader.at, alignment);
  return { version, metadata, tensors: placeTensors(infos, { alignment, dataStart, fileBytes }) };
}

/** Returns the next multiple of `alignment`. */
export function aligned(at: number, alignment: number): number {
  return Math.ceil(at / alignment) * alignment;
}

function readMetadata(reader: HeaderReader, count: number): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = reader.text("a key");
    if (metadata.has(key)) throw new GgufFormatError(`the key "${key}" is there twice`);
    metadata.set(key, reader.value(key));
  }
  return metadata;
}

interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly offset: number;
}

function readTensorInfos(reader: HeaderReader, count: number): TensorInfo[] {
  const infos: TensorInfo[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.text("the name of a tensor");
    const dimensions = reader.uint32();
    if (dimensions > MAX_DIMENSIONS) {
      throw new GgufFormatError(`tensor "${name}" has ${dimensions} dimensions`);
    }
    const shape: number[] = [];
    for (let d = 0; d < dimensions; d++) shape.unshift(reader.integer64(`tensor "${name}"`));
    const id = reader.uint32();
    const type = ggmlTypeOf(id);
    if (type === undefined) {
      throw new GgufFormatError(`tensor "${name}" has the type ${id}, which is not known`);
    }
    const { blockSize } = GGML_TYPES[type];
    const rowLength = shape.at(-1) ?? 1;
    if (!Number.isSafeInteger(elementCount(shape)) || rowLength % blockSize !== 0) {
      throw new GgufFormatError(`tensor "${name}" of ${type} cannot have the shape [${shape}]`);
    }
    infos.push({ name, type, shape, offset: reader.integer64(`tensor "${name}"`) });
  }
  return infos;
}

function readAlignment(metadata: GgufMetadata): number {
  const entry = metadata.get(ALIGNMENT_KEY);
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  const { value } = entry;
  if (entry.type !== "uint32" || typeof value !== "number" || value === 0 || value % 8 !== 0) {
    throw new GgufFormatError(`"${ALIGNMENT_KEY}" must be a multiple of 8: it is ${value}`);
  }
  return value;
}

/** The tensors must follow each other, each aligned, to the end of the file. */
function placeTensors(
  infos: readonly TensorInfo[],
  { alignment, dataStart, fileBytes }: {
    readonly alignment: number;
    readonly dataStart: number;
    readonly fileBytes: number;
  },
): ReadonlyMap<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let expected = 0;
  for (const { name, type, shape, offset } of infos) {
    if (tensors.has(name)) throw new GgufFormatError(`tensor "${name}" is there twice`);
    if (offset !== expected) {
      throw new GgufFormatError(
        `tensor "${name}" begins at ${offset} of the data, but the ones before it end at ${expected}`,
      );
    }
    const sizeBytes = ggmlBytes(type, elementCount(shape));
    const end = dataStart + offset + sizeBytes;
    if (end > fileBytes) {
      throw new GgufFormatError(
        `it is cut off: tensor "${name}" ends at ${end}, the file at ${fileBytes} bytes; ` +
          "download or convert it again",
      );
    }
    tensors.set(name, { type, shape, offsetBytes: dataStart + offset, sizeBytes });
    expected = aligned(offset + sizeBytes, alignment);
  }
  const surplus = fileBytes - (dataStart + expected);
  if (surplus > 0) throw new GgufFormatError(`${surplus} bytes follow the last tensor`);
  return tensors;
}

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  ascii(length: number): string {
    return String.fromCharCode(...this.#bytes.subarray(this.#take(length), this.at));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Reads a 64-bit natural number that counts or places something. */
  integer64(what: string): number {
    const value = Number(this.#view.getBigUint64(this.#take(8), true));
    if (!Number.isSafeInteger(value)) throw new GgufFormatError(`a number of ${what} is too large`);
    return value;
  }

  count(what: string): number {
    return this.integer64(`the count of ${what}`);
  }

  text(what: string): string {
    const length = this.integer64(`the length of ${what}`);
    const start = this.#take(length);
    try {
      return this.#utf8.decode(this.#bytes.subarray(start, this.at));
    } catch (error) {
      throw new GgufFormatError(`${what} is not UTF-8: ${messageOf(error)}`);
    }
  }

  value(key: string): GgufValue {
    const id = this.uint32();
    if (id !== GGUF_ARRAY_TYPE) {
      const type = this.#kind(id, key);
      return { type, value: this.#scalar(type, key) };
    }
    const items = this.#kind(this.uint32(), key);
    const count = this.integer64(`"${key}"`);
    const value: GgufScalar[] = [];
    for (let i = 0; i < count; i++) value.push(this.#scalar(items, key));
    return { type: "array", items, value };
  }

  #kind(id: number, key: string): GgufValueType {
    if (id === GGUF_ARRAY_TYPE) throw new GgufFormatError(`"${key}" is a list of lists`);
    const type = ggufValueTypeOf(id);
    if (type !== undefined) return type;
    throw new GgufFormatError(`"${key}" has the type ${id}, which is not known`);
  }

  #scalar(type: GgufValueType, key: string): GgufScalar {
    switch (type) {
      case "uint8":
        return this.#view.getUint8(this.#take(1));
      case "int8":
        return this.#view.getInt8(this.#take(1));
      case "uint16":
        return this.#view.getUint16(this.#take(2), true);
      case "int16":
        return this.#view.getInt16(this.#take(2), true);
      case "uint32":
        return this.#view.getUint32(this.#take(4), true);
      case "int32":
        return this.#view.getInt32(this.#take(4), true);
      case "float32":
        return this.#view.getFloat32(this.#take(4), true);
      case "float64":
        return this.#view.getFloat64(this.#take(8), true);
      case "uint64":
        return Number(this.#view.getBigUint64(this.#take(8), true));
      case "int64":
        return Number(this.#view.getBigInt64(this.#take(8), true));
      case "bool":
        return this.#boolean(key);
      case "string":
        return this.text(`"${key}"`);
    }
  }

  #boolean(key: string): boolean {
    const byte = this.#view.getUint8(this.#take(1));
    if (byte > 1) throw new GgufFormatError(`"${key}" must be 0 or 1: it is ${byte}`);
    return byte === 1;
  }

  /** Returns where the next `length` bytes begin and goes behind them. */
  #take(length: number): number {
    const start = this.at;
    if (length > this.#bytes.length - start) throw new OutOfBytesError();
    this.at = start + length;
    return start;
  }
}
