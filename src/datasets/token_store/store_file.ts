/**
 * A file of examples as ids and labels, written once and read by number.
 *
 * ```text
 * records                     one after the other (see record.ts)
 * lengths, then record sizes  32-bit integers, one of each for an example
 * footer                      JSON: version, bytes of an id, number of examples, checksum of all before, a summary
 * tail                        length and checksum of the footer, and the mark that the file is whole
 * ```
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { writeSynced } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { anyObject, decode, integer, type JsonObject, object } from "../../utils/json.ts";
import type { Example } from "../encode.ts";
import { createIntList } from "../int_list.ts";
import { type IdBytes, readRecord } from "./record.ts";

/** Examples that are written, as {@linkcode "./record.ts"} has them. */
export interface RecordBatch {
  /** The records. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Tokens of each. */
  readonly lengths: Int32Array<ArrayBuffer>;
  /** Bytes of each. */
  readonly sizes: Int32Array<ArrayBuffer>;
}

/** Takes examples, in order. */
export type RecordSink = (batch: RecordBatch) => Promise<void>;

/** A file whose examples can be read. */
export interface TokenStore extends Disposable {
  /** Tokens of each example. */
  readonly lengths: Int32Array;
  /** What was said of them when they were written. */
  readonly summary: JsonObject;
  /** Reads an example. */
  read(index: number): Example;
}

/** Thrown when a file is not a whole token store; it is then made anew. */
export class TokenStoreError extends UserError {}

/** Changes with the layout of the file. */
const LAYOUT_VERSION = 1;

const TAIL_BYTES = 16;
const MARK = new TextEncoder().encode("TOKENS\r\n");
const CHUNK_BYTES = 1 << 20;

interface Footer {
  readonly layout: number;
  readonly idBytes: number;
  readonly examples: number;
  readonly checksum: number;
  readonly summary: JsonObject;
}

const footer = object<Footer>({
  layout: integer({ min: LAYOUT_VERSION, max: LAYOUT_VERSION }),
  idBytes: integer({ min: 2, max: 4 }),
  examples: integer({ min: 0 }),
  checksum: integer({ min: 0 }),
  summary: anyObject(),
});

/**
 * Writes a token store; `fill` gives its examples and returns the summary.
 *
 * @throws {UserError} If the disk is full or the place cannot be written; what was written of it then stays.
 */
export async function writeTokenStore(
  path: string,
  { idBytes, fill }: {
    readonly idBytes: IdBytes;
    readonly fill: (sink: RecordSink) => Promise<JsonObject>;
  },
): Promise<void> {
  await writeSynced(path, async (file) => {
    let checksum = 0;
    const write = async (bytes: Uint8Array) => {
      checksum = crc32(bytes, checksum);
      await file.write(bytes);
    };
    const lengths = createIntList();
    const sizes = createIntList();
    const summary = await fill(async (batch) => {
      lengths.append(batch.lengths);
      sizes.append(batch.sizes);
      await write(batch.bytes);
    });
    for (const list of [lengths.view(), sizes.view()]) {
      await write(new Uint8Array(list.buffer, list.byteOffset, list.byteLength));
    }
    const contents = { layout: LAYOUT_VERSION, idBytes, examples: lengths.length };
    const json = new TextEncoder().encode(JSON.stringify({ ...contents, checksum, summary }));
    const tail = new Uint8Array(TAIL_BYTES);
    const view = new DataView(tail.buffer);
    view.setUint32(0, json.length, true);
    view.setUint32(4, crc32(json), true);
    tail.set(MARK, 8);
    await file.write(json);
    await file.write(tail);
  });
}

/**
 * Opens a token store.
 *
 * @throws {TokenStoreError} If the file is cut short, changed or of another version.
 */
export function openTokenStore(path: string): TokenStore {
  const file = openFile(path);
  try {
    return readStore(file, path);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readStore(file: Deno.FsFile, path: string): TokenStore {
  const damaged = (what: string, cause?: unknown) =>
    new TokenStoreError(`Cannot read "${path}": ${what}; remove it, it is made anew`, { cause });
  const { size } = file.statSync();
  const tail = readAt(file, { at: size - TAIL_BYTES, count: TAIL_BYTES });
  if (tail === undefined || MARK.some((byte, i) => byte !== tail[8 + i])) {
    throw damaged("it is not whole");
  }
  const view = new DataView(tail.buffer);
  const footerAt = size - TAIL_BYTES - view.getUint32(0, true);
  const json = readAt(file, { at: footerAt, count: view.getUint32(0, true) });
  if (json === undefined || crc32(json) !== view.getUint32(4, true)) {
    throw damaged("its footer has changed");
  }
  const { idBytes, examples, checksum, summary } = parseFooter(json, { path, damaged });
  const indexAt = footerAt - 8 * examples;
  if (checksumOf(file, footerAt) !== checksum || indexAt < 0) throw damaged("it has changed");
  const lengths = readInts(file, { at: indexAt, count: examples });
  const sizes = readInts(file, { at: indexAt + 4 * examples, count: examples });
  const offsets = new Float64Array(examples);
  for (let i = 1; i < examples; i++) offsets[i] = offsets[i - 1]! + sizes[i - 1]!;
  return {
    lengths,
    summary,
    read(index) {
      const bytes = readAt(file, { at: offsets[index]!, count: sizes[index]! });
      if (bytes === undefined) throw damaged("it was cut short while it was read");
      return readRecord(bytes, { length: lengths[index]!, idBytes: idBytes as IdBytes });
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

function parseFooter(
  json: Uint8Array,
  { path, damaged }: {
    readonly path: string;
    readonly damaged: (what: string, cause: unknown) => TokenStoreError;
  },
): Footer {
  try {
    return decode(footer, JSON.parse(new TextDecoder().decode(json)), path);
  } catch (error) {
    throw damaged("another version has written it", error);
  }
}

/** Returns `count` bytes; `undefined` if there are not as many. */
function readAt(
  file: Deno.FsFile,
  { at, count }: { readonly at: number; readonly count: number },
): Uint8Array<ArrayBuffer> | undefined {
  if (at < 0) return undefined;
  const bytes = new Uint8Array(count);
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < count;) {
    const read = file.readSync(bytes.subarray(done));
    if (read === null) return undefined;
    done += read;
  }
  return bytes;
}

function readInts(
  file: Deno.FsFile,
  place: { readonly at: number; readonly count: number },
): Int32Array {
  const bytes = readAt(file, { at: place.at, count: 4 * place.count });
  return bytes === undefined ? new Int32Array() : new Int32Array(bytes.buffer);
}

function checksumOf(file: Deno.FsFile, end: number): number {
  const chunk = new Uint8Array(CHUNK_BYTES);
  file.seekSync(0, Deno.SeekMode.Start);
  let checksum = 0;
  for (let at = 0; at < end;) {
    const read = file.readSync(chunk.subarray(0, Math.min(CHUNK_BYTES, end - at)));
    if (read === null) break;
    checksum = crc32(chunk.subarray(0, read), checksum);
    at += read;
  }
  return checksum;
}
