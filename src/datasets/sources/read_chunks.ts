/**
 * The bytes of a file, decompressed, in pieces.
 *
 * @module
 */

import { createGunzip } from "node:zlib";
import { messageOf } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { Compression } from "./data_file.ts";
import { transformChunks } from "./transform_chunks.ts";
import { UnreadableError } from "./unreadable.ts";
import { unzstd } from "./zstd.ts";

/** Options of {@linkcode readChunks}. */
export interface ReadChunksOptions {
  /** How the file is compressed. @default {undefined, which is not at all} */
  readonly compression?: Compression | undefined;
  /** Told of all bytes of the file as it lies on disk, in order. @default {nothing is told} */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

const CHUNK_BYTES = 1 << 18;

/** Compressed bytes that are taken at once: what they hold may be a thousand times as large. */
const COMPRESSED_BYTES = 1 << 14;

/**
 * Reads a file.
 *
 * @throws {UserError} If it cannot be opened or read.
 * @throws {UnreadableError} If its compression is damaged or cut off.
 */
export function readChunks(
  path: string,
  { compression, onBytes, signal }: ReadChunksOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const bytes = fileChunks(path, { onBytes, signal });
  return compression === undefined ? bytes : DECOMPRESSORS[compression](slices(bytes));
}

/** Tells a compression by the first bytes of a file. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) {
    return "zstd";
  }
  return undefined;
}

async function* fileChunks(
  path: string,
  { onBytes, signal }: Pick<ReadChunksOptions, "onBytes" | "signal">,
): AsyncGenerator<Uint8Array, void> {
  using file = await openFile(path);
  for (;;) {
    signal?.throwIfAborted();
    const buffer = new Uint8Array(CHUNK_BYTES);
    let count: number | null;
    try {
      count = await file.read(buffer);
    } catch (error) {
      throw fileError("read", path, error);
    }
    if (count === null) return;
    const chunk = buffer.subarray(0, count);
    onBytes?.(chunk);
    yield chunk;
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

async function* slices(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += COMPRESSED_BYTES) {
      yield chunk.subarray(at, at + COMPRESSED_BYTES);
    }
  }
}

type Decompressor = (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, void>;

const DECOMPRESSORS: Readonly<Record<Compression, Decompressor>> = {
  async *gzip(chunks) {
    try {
      for await (const list of transformChunks<Uint8Array>(chunks, createGunzip())) yield* list;
    } catch (error) {
      throw damaged(error);
    }
  },
  zstd: unzstd,
};

function damaged(error: unknown): unknown {
  const isDamage = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
  if (!isDamage) return error;
  return new UnreadableError(
    `its gzip compression is damaged or cut off (${messageOf(error)}); make the file anew`,
    { cause: error },
  );
}
