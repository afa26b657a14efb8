/**
 * Writing an ONNX model whose large tensors are made one at a time, inside its file or in files beside it.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import type { ByteSink, FileContent } from "../../utils/atomic_file.ts";
import { type Dtype, DTYPE_BYTES, elementCount, type Tensor } from "../tensor/tensor.ts";
import { encodeModel, ONNX_DTYPES, type OnnxModel } from "./model.ts";

/** A tensor of a model that is made when it is written. */
export interface DeferredTensor {
  /** Name of the initializer. */
  readonly name: string;
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
}

/** A file of a model, by name. */
export interface ModelFile {
  /** Name of the file. */
  readonly name: string;
  /** Writes it. */
  readonly content: FileContent;
}

/** Options of {@linkcode modelFiles}. */
export interface ModelFilesOptions {
  /** Name of the `.onnx` file. */
  readonly name: string;
  /** Tensors that are not among the model's initializers, in the order in which `elements` yields theirs. */
  readonly deferred: readonly DeferredTensor[];
  /** Yields the elements of each deferred tensor. */
  readonly elements: AsyncIterator<Tensor["data"]>;
  /**
   * The most bytes of deferred tensors in one file. If they are more, they go to files beside the model:
   * `<name>_data`, `<name>_data_1` and so on. @default {1_500_000_000}
   */
  readonly maxBytes?: number;
}

/** Field numbers of ONNX's schema, with the wire type of length-delimited fields. */
const FIELD = { modelGraph: 7, graphInitializer: 5, tensorRawData: 9 } as const;

/** Where tensors begin in files beside the model, so that they can be mapped into memory. */
const ALIGNMENT = 4096;

/** Protocol buffers end at 2 GiB, and browsers hold a file in one buffer, so a file stays well below that. */
const MAX_BYTES = 1_500_000_000;

/**
 * Returns the files of a model, to be written in this order: those with tensors first, if there are any, the
 * `.onnx` file last.
 */
export function modelFiles(model: OnnxModel, options: ModelFilesOptions): ModelFile[] {
  const { name, deferred, elements, maxBytes = MAX_BYTES } = options;
  const total = deferred.reduce((sum, tensor) => sum + byteLength(tensor), 0);
  if (total <= maxBytes) {
    return [{ name, content: (sink) => writeInline(model, { sink, deferred, elements }) }];
  }
  const chunks = splitChunks(deferred, maxBytes);
  const chunkName = (index: number): string => `${name}_data${index === 0 ? "" : `_${index}`}`;
  const protos = chunks.flatMap((chunk, index) =>
    chunk.map(({ tensor, offset }) => externalProto(tensor, { offset, file: chunkName(index) }))
  );
  return [
    ...chunks.map((chunk, index): ModelFile => ({
      name: chunkName(index),
      content: (sink) => writeChunk(chunk, { sink, elements }),
    })),
    { name, content: encodeWith(model, protos) },
  ];
}

/** Writes the model with every deferred tensor in it. */
async function writeInline(
  model: OnnxModel,
  { sink, deferred, elements }: Pick<ModelFilesOptions, "deferred" | "elements"> & {
    readonly sink: ByteSink;
  },
): Promise<void> {
  const { graph, ...rest } = splitGraph(model);
  const heads = deferred.map((tensor) => {
    const bytes = byteLength(tensor);
    const head = join([
      toBinary(TensorProtoSchema, tensorProto(tensor)),
      fieldHeader(FIELD.tensorRawData, bytes),
    ]);
    return { head: join([fieldHeader(FIELD.graphInitializer, head.length + bytes), head]), bytes };
  });
  const graphBytes = heads.reduce((sum, { head, bytes }) => sum + head.length + bytes, 0);
  await sink.write(rest.model);
  await sink.write(fieldHeader(FIELD.modelGraph, graph.length + graphBytes));
  await sink.write(graph);
  for (const [i, { head }] of heads.entries()) {
    await sink.write(head);
    await sink.write(await nextBytes(elements, deferred[i]!));
  }
}

interface Placed {
  readonly tensor: DeferredTensor;
  readonly offset: number;
}

function splitChunks(deferred: readonly DeferredTensor[], maxBytes: number): Placed[][] {
  const chunks: Placed[][] = [];
  let end = Infinity;
  for (const tensor of deferred) {
    const bytes = byteLength(tensor);
    let offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    if (!(offset + bytes <= maxBytes)) {
      chunks.push([]);
      offset = 0;
    }
    chunks.at(-1)!.push({ tensor, offset });
    end = offset + bytes;
  }
  return chunks;
}

async function writeChunk(
  chunk: readonly Placed[],
  { sink, elements }: Pick<ModelFilesOptions, "elements"> & { readonly sink: ByteSink },
): Promise<void> {
  let written = 0;
  for (const { tensor, offset } of chunk) {
    if (offset > written) await sink.write(new Uint8Array(offset - written));
    const bytes = await nextBytes(elements, tensor);
    await sink.write(bytes);
    written = offset + bytes.length;
  }
}

async function nextBytes(
  elements: AsyncIterator<Tensor["data"]>,
  tensor: DeferredTensor,
): Promise<Uint8Array> {
  const next = await elements.next();
  if (next.done === true || next.value.byteLength !== byteLength(tensor)) {
    const given = next.done === true ? "nothing" : `${next.value.byteLength} bytes`;
    throw new Error(`Internal: ${given} given for "${tensor.name}" of ${byteLength(tensor)} bytes`);
  }
  const { buffer, byteOffset, byteLength: length } = next.value;
  return new Uint8Array(buffer, byteOffset, length);
}

function encodeWith(model: OnnxModel, initializers: readonly TensorProto[]): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, encodeModel(model));
  proto.graph!.initializer.push(...initializers);
  return toBinary(ModelProtoSchema, proto);
}

/** Encodes a model's graph, and the rest of it, apart. */
function splitGraph(model: OnnxModel): { readonly graph: Uint8Array; readonly model: Uint8Array } {
  const { graph, ...rest } = fromBinary(ModelProtoSchema, encodeModel(model));
  return {
    graph: toBinary(GraphProtoSchema, graph!),
    model: toBinary(ModelProtoSchema, create(ModelProtoSchema, rest)),
  };
}

function tensorProto({ name, dtype, shape }: DeferredTensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ONNX_DTYPES[dtype],
    dims: shape.map(BigInt),
  });
}

function externalProto(
  tensor: DeferredTensor,
  { file, offset }: { readonly file: string; readonly offset: number },
): TensorProto {
  const proto = tensorProto(tensor);
  const entries = { location: file, offset: `${offset}`, length: `${byteLength(tensor)}` };
  proto.dataLocation = DataLocation.EXTERNAL;
  proto.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value })
  );
  return proto;
}

function byteLength({ dtype, shape }: DeferredTensor): number {
  return DTYPE_BYTES[dtype] * elementCount(shape);
}

/** The bytes before a length-delimited field of `length` bytes. */
function fieldHeader(field: number, length: number): Uint8Array {
  const bytes = [field << 3 | 2];
  let rest = length;
  while (rest >= 0x80) {
    bytes.push(rest % 0x80 | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
