/**
 * Reading safetensors files: a length, a JSON header, then the elements of each tensor, without gaps.
 * https://huggingface.co/docs/safetensors
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import {
  anyObject,
  array,
  decode,
  integer,
  type JsonObject,
  object,
  record,
  text,
} from "../../utils/json.ts";
import { type Dtype, DTYPE_ARRAYS, DTYPE_BYTES, elementCount, type Tensor } from "./tensor.ts";

/** The name that safetensors has for each dtype. */
export const SAFETENSORS_DTYPES: Readonly<Record<Dtype, string>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float64: "F64",
  int64: "I64",
  int32: "I32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** What the header says of one tensor. */
export interface SafetensorsEntry {
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Where its elements begin in the file. */
  readonly offsetBytes: number;
  /** How long they are. */
  readonly sizeBytes: number;
}

/** An open file whose header has been read and found right. */
export interface SafetensorsFile extends Disposable {
  /** Where it lies. */
  readonly path: string;
  /** What it holds, by name. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Its `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor, and nothing else of the file.
   *
   * @throws {UserError} If the file has no tensor of that name or can no longer be read.
   */
  read(name: string): Promise<Tensor>;
}

/** Bytes before the header, and the longest header that the format allows. */
const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Opens a file and checks its header against its length.
 *
 * @throws {UserError} If it cannot be read, is cut off or is not what the format says.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  try {
    const { size } = await file.stat();
    const header = await readHeader(file, { path, size });
    return openedFile(file, { path, ...header });
  } catch (error) {
    file.close();
    throw fileError("read", path, error);
  }
}

interface Header {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

function openedFile(
  file: Deno.FsFile,
  { path, entries, metadata }: Header & { readonly path: string },
): SafetensorsFile {
  let lastRead: Promise<unknown> = Promise.resolve();

  const readEntry = async (name: string, entry: SafetensorsEntry): Promise<ArrayBuffer> => {
    try {
      await file.seek(entry.offsetBytes, Deno.SeekMode.Start);
      const bytes = await readBytes(file, entry.sizeBytes);
      if (bytes === undefined) throw broken(path, `tensor "${name}" is cut off`);
      return bytes.buffer;
    } catch (error) {
      throw fileError("read", path, error);
    }
  };

  return {
    path,
    entries,
    metadata,
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new UserError(`Cannot read tensor "${name}": "${path}" has no tensor of that name`);
      }
      // one after the other: they share the file's position
      const reading = lastRead.then(() => readEntry(name, entry));
      lastRead = reading.catch(() => {});
      const { dtype, shape } = entry;
      return { dtype, shape, data: new DTYPE_ARRAYS[dtype](await reading) };
    },
    [Symbol.dispose]: () => file.close(),
  };
}

async function readHeader(
  file: Deno.FsFile,
  { path, size }: { readonly path: string; readonly size: number },
): Promise<Header> {
  const prefix = await readBytes(file, PREFIX_BYTES);
  if (prefix === undefined) throw broken(path, `it has ${size} bytes, too few for a header`);
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) {
    throw broken(path, `its header would be ${headerBytes} bytes long, so this is another format`);
  }
  const dataStart = PREFIX_BYTES + headerBytes;
  const bytes = dataStart > size ? undefined : await readBytes(file, headerBytes);
  if (bytes === undefined) {
    throw broken(path, `it is cut off: the header ends at ${dataStart}, the file at ${size} bytes`);
  }
  const { __metadata__: metadata, ...tensors } = parseHeader(path, bytes);
  const entries = new Map(
    Object.entries(tensors).map((
      [name, json],
    ) => [name, parseEntry(path, { name, json, dataStart })]),
  );
  checkLayout(path, { entries, dataStart, size });
  return { entries, metadata: decode(record(text()), metadata ?? {}, `${path}: __metadata__`) };
}

function parseHeader(path: string, bytes: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw broken(path, `its header is not JSON, ${messageOf(error)}`);
  }
  return decode(anyObject(), json, path);
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

const headerEntry = object<HeaderEntry>({
  dtype: text(),
  shape: array(integer({ min: 0 })),
  data_offsets: array(integer({ min: 0 })),
});

function parseEntry(
  path: string,
  { name, json, dataStart }: {
    readonly name: string;
    readonly json: unknown;
    readonly dataStart: number;
  },
): SafetensorsEntry {
  const entry = decode(headerEntry, json, `${path}: tensor ${name}`);
  const dtype = dtypeNamed(entry.dtype);
  if (dtype === undefined) {
    const known = Object.values(SAFETENSORS_DTYPES).join(", ");
    throw broken(path, `tensor "${name}" has dtype "${entry.dtype}"; ${known} can be read`);
  }
  const [begin = NaN, end = NaN] = entry.data_offsets;
  const wanted = elementCount(entry.shape) * DTYPE_BYTES[dtype];
  if (entry.data_offsets.length !== 2 || end - begin !== wanted) {
    throw broken(
      path,
      `tensor "${name}" of ${entry.dtype} [${entry.shape}] needs ${wanted} bytes, ` +
        `but its data_offsets are [${entry.data_offsets}]`,
    );
  }
  return { dtype, shape: entry.shape, offsetBytes: dataStart + begin, sizeBytes: wanted };
}

/** The tensors must follow each other without gap or overlap, to the end of the file. */
function checkLayout(
  path: string,
  { entries, dataStart, size }: {
    readonly entries: ReadonlyMap<string, SafetensorsEntry>;
    readonly dataStart: number;
    readonly size: number;
  },
): void {
  const inOrder = [...entries].sort(([, a], [, b]) =>
    a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes
  );
  let end = dataStart;
  for (const [name, { offsetBytes, sizeBytes }] of inOrder) {
    if (offsetBytes < end) throw broken(path, `tensor "${name}" overlaps the one before it`);
    if (offsetBytes > end) throw broken(path, `there is a gap before tensor "${name}"`);
    end += sizeBytes;
    if (end > size) {
      throw broken(
        path,
        `it is cut off: tensor "${name}" ends at ${end}, the file at ${size} bytes`,
      );
    }
  }
  if (end < size) throw broken(path, `${size - end} bytes follow the last tensor`);
}

function dtypeNamed(name: string): Dtype | undefined {
  const entries = Object.entries(SAFETENSORS_DTYPES) as [Dtype, string][];
  return entries.find(([, known]) => known === name)?.[0];
}

function broken(path: string, state: string): UserError {
  return new UserError(`Cannot read "${path}" as safetensors: ${state}`);
}

/** Reads the next `count` bytes; `undefined` if the file ends before. */
async function readBytes(
  file: Deno.FsFile,
  count: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(count);
  let at = 0;
  while (at < count) {
    const read = await file.read(bytes.subarray(at));
    if (read === null) return undefined;
    at += read;
  }
  return bytes;
}
