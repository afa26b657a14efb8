/**
 * Reading the lines of a JSON Lines file, whatever its size.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { formatBytes } from "../utils/format.ts";
import { rowError } from "./row.ts";

/** A line that is not blank. */
export interface Line {
  /** Its number, counted from 1 with the blank ones. */
  readonly line: number;
  /** Its text, without the line break. */
  readonly text: string;
}

/** Options of {@linkcode readLines}. */
export interface ReadLinesOptions {
  /** Told of all bytes of the file, in order. @default {nothing is told} */
  readonly onBytes?: (bytes: Uint8Array) => void;
  /** Length of a line above which it is an error. @default {64 MiB} */
  readonly maxLineBytes?: number;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const CHUNK_BYTES = 1 << 18;

/**
 * Reads the lines of a UTF-8 file that are not blank. A byte order mark and carriage returns are dropped.
 *
 * @throws {UserError} If the file cannot be read, is not UTF-8, has a gigantic line or only blank ones.
 */
export async function* readLines(
  path: string,
  options: ReadLinesOptions = {},
): AsyncGenerator<Line> {
  const { onBytes, maxLineBytes = 64 * 2 ** 20, signal } = options;
  let line = 0;
  let rows = 0;
  for await (const bytes of byteLines(path, { onBytes, maxLineBytes, signal })) {
    line++;
    const text = decodeLine(bytes, { path, line });
    if (text.trim() === "") continue;
    rows++;
    yield { line, text };
  }
  if (rows === 0) throw new UserError(`Cannot use "${path}": it has no rows`);
}

interface ByteLinesOptions {
  readonly onBytes: ((bytes: Uint8Array) => void) | undefined;
  readonly maxLineBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Yields each line without its line feed; the bytes hold until the next one is asked for. */
async function* byteLines(
  path: string,
  { onBytes, maxLineBytes, signal }: ByteLinesOptions,
): AsyncGenerator<Uint8Array> {
  using file = await openFile(path);
  let rest: Uint8Array[] = []; // the line that has begun, if its end has not been read
  let restBytes = 0;
  let line = 1;
  for (;;) {
    signal?.throwIfAborted();
    const chunk = await readChunk(file, path);
    if (chunk === undefined) break;
    onBytes?.(chunk);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      if (restBytes + part.length > maxLineBytes) {
        throw rowError(
          { path, line },
          `it is longer than ${formatBytes(maxLineBytes)}; write one JSON object per line`,
        );
      }
      rest.push(part);
      restBytes += part.length;
      if (end === -1) break;
      yield joined(rest, restBytes);
      rest = [];
      restBytes = 0;
      line++;
      start = end + 1;
    }
  }
  if (restBytes > 0) yield joined(rest, restBytes);
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

async function readChunk(file: Deno.FsFile, path: string): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    const count = await file.read(buffer);
    return count === null ? undefined : buffer.subarray(0, count);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function decodeLine(bytes: Uint8Array, place: { path: string; line: number }): string {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  try {
    return UTF8.decode(bytes.subarray(0, end)); // drops a byte order mark
  } catch (cause) {
    throw rowError(place, "it is not valid UTF-8; save the file as UTF-8", cause);
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
