/**
 * Reading GGUF files: the header whole, tensors one at a time.
 *
 * It stands here and not in `@huggingface/gguf`, which reads metadata only: that library does not compare the
 * places of tensors with the length of the file, opens a local file anew for each 2 MB, takes bytes that are
 * not UTF-8, and brings a table of all tasks of the hub along.
 *
 * @module
 */

import { UserError } from "../../../utils/errors.ts";
import { fileError } from "../../../utils/file_error.ts";
import { elementCount, type Tensor } from "../tensor.ts";
import { GGML_TYPES, READABLE_GGML_TYPES } from "./ggml_types.ts";
import {
  decodeGgufHeader,
  GgufFormatError,
  type GgufHeader,
  type GgufTensor,
  OutOfBytesError,
} from "./header_reader.ts";

/** An open file whose header has been read and found right. */
export interface GgufFile extends GgufHeader, Disposable {
  /** Where it lies. */
  readonly path: string;
  /**
   * Reads one tensor as float32, and nothing else of the file.
   *
   * @throws {UserError} If the file has no tensor of that name, if its type is not supported, or if it can no
   * longer be read.
   */
  read(name: string): Promise<Tensor<"float32">>;
}

/** How much is read at first to find the header, and how much it may be. */
const FIRST_BYTES = 1 << 20;
const MAX_HEADER_BYTES = 1 << 29;

/** Elements that are read and widened at once; a whole number of blocks of every type. */
const CHUNK_ELEMENTS = 1 << 20;

/**
 * Opens a file and checks its header against its length.
 *
 * @throws {UserError} If it cannot be read, is cut off or is not what the format says.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  try {
    const { size, isDirectory } = await file.stat();
    if (isDirectory) throw broken(path, "it is a folder");
    return openedFile(file, { path, header: await readHeader(file, { path, size }) });
  } catch (error) {
    file.close();
    throw fileError("read", path, error);
  }
}

function openedFile(
  file: Deno.FsFile,
  { path, header }: { readonly path: string; readonly header: GgufHeader },
): GgufFile {
  let lastRead: Promise<unknown> = Promise.resolve();
  return {
    path,
    ...header,
    async read(name) {
      const entry = header.tensors.get(name);
      if (entry === undefined) {
        throw new UserError(`Cannot read tensor "${name}": "${path}" has no tensor of that name`);
      }
      // one after the other: they share the file's position
      const reading = lastRead.then(() => readTensor(file, { path, name, entry }));
      lastRead = reading.catch(() => {});
      return { dtype: "float32", shape: entry.shape, data: await reading };
    },
    [Symbol.dispose]: () => file.close(),
  };
}

async function readTensor(
  file: Deno.FsFile,
  { path, name, entry }: {
    readonly path: string;
    readonly name: string;
    readonly entry: GgufTensor;
  },
): Promise<Float32Array> {
  const { dequantize, blockSize, blockBytes } = GGML_TYPES[entry.type];
  if (dequantize === null) {
    throw new UserError(
      `Cannot read tensor "${name}" of "${path}": its type ${entry.type} is not supported; ` +
        `take a file of ${READABLE_GGML_TYPES.join(", ")}`,
    );
  }
  const data = new Float32Array(elementCount(entry.shape));
  const bytes = new Uint8Array(Math.min(data.length, CHUNK_ELEMENTS) / blockSize * blockBytes);
  try {
    await file.seek(entry.offsetBytes, Deno.SeekMode.Start);
    for (let at = 0; at < data.length; at += CHUNK_ELEMENTS) {
      const out = data.subarray(at, at + CHUNK_ELEMENTS);
      const chunk = bytes.subarray(0, out.length / blockSize * blockBytes);
      if (await readInto(file, chunk) < chunk.length) {
        throw broken(path, `tensor "${name}" is cut off`);
      }
      dequantize(chunk, out);
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  return data;
}

/** Reads more and more of the file until the header is whole: how long it is stands nowhere. */
async function readHeader(
  file: Deno.FsFile,
  { path, size }: { readonly path: string; readonly size: number },
): Promise<GgufHeader> {
  let bytes = new Uint8Array(0);
  for (let wanted = FIRST_BYTES;; wanted *= 4) {
    const longer = new Uint8Array(Math.min(wanted, size));
    longer.set(bytes);
    const read = await readInto(file, longer.subarray(bytes.length));
    bytes = longer.subarray(0, bytes.length + read);
    try {
      return decodeGgufHeader(bytes, size);
    } catch (error) {
      if (error instanceof GgufFormatError) throw broken(path, error.message);
      if (!(error instanceof OutOfBytesError)) throw error;
      if (bytes.length >= size || bytes.length < longer.length) {
        throw broken(path, `it is cut off: the header does not end in its ${size} bytes`);
      }
      if (wanted >= MAX_HEADER_BYTES) throw broken(path, "its header does not end");
    }
  }
}

function broken(path: string, state: string): UserError {
  return new UserError(`Cannot read "${path}" as GGUF: ${state}`);
}

/** Fills `bytes` from where the file stands and returns how many there were. */
async function readInto(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const read = await file.read(bytes.subarray(at));
    if (read === null) break;
    at += read;
  }
  return at;
}
