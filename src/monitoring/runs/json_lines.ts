/**
 * Files of JSON lines that grow: one process appends, others read meanwhile.
 *
 * @module
 */

import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";

const NEWLINE = 10;

/** Options of {@linkcode JsonLinesWriter}. */
export interface JsonLinesWriterOptions {
  /** What lies beyond this length is cut off. @default {nothing is cut, but a line that was begun} */
  readonly keepBytes?: number;
}

/** Appends lines to a file. */
export class JsonLinesWriter implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #bytes: number;

  /** Opens the file `path`, which is made if it is not there. */
  constructor(path: string, { keepBytes = Infinity }: JsonLinesWriterOptions = {}) {
    this.#path = path;
    let file: Deno.FsFile | undefined;
    try {
      file = Deno.openSync(path, { create: true, write: true, read: true });
      this.#bytes = wholeLines(file, Math.min(file.statSync().size, keepBytes));
      file.truncateSync(this.#bytes);
      file.seekSync(this.#bytes, Deno.SeekMode.Start);
      this.#file = file;
    } catch (error) {
      file?.close();
      throw fileError("write", path, error);
    }
  }

  /** The length of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends `value` as a line. */
  append(value: unknown): void {
    let line = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    this.#bytes += line.length;
    try {
      while (line.length > 0) line = line.subarray(this.#file.writeSync(line));
    } catch (error) {
      throw fileError("write", this.#path, error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Returns how much of the first `bytes` of a file are whole lines: a process that was killed may have begun one. */
function wholeLines(file: Deno.FsFile, bytes: number): number {
  const block = new Uint8Array(4096);
  for (let end = bytes; end > 0;) {
    const start = Math.max(0, end - block.length);
    file.seekSync(start, Deno.SeekMode.Start);
    const read = file.readSync(block.subarray(0, end - start)) ?? 0;
    const last = block.subarray(0, read).lastIndexOf(NEWLINE);
    if (last >= 0) return start + last + 1;
    end = start;
  }
  return 0;
}

/**
 * Reads what is appended to a file of JSON lines, from its beginning. It is read at once: while a model is trained the
 * event loop turns about once for each step, and waiting for a file would take several turns.
 */
export class JsonLinesReader {
  readonly #path: string;
  #offset = 0;

  /** Reads the file `path`, which need not be there yet. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Returns the objects of the next lines, at most about `maxBytes` of them; none where there is nothing new.
   * A line that is still being written is left for later, one that is no JSON object is left out.
   */
  read(maxBytes = 1 << 18): JsonObject[] {
    let bytes = this.#bytesAt(this.#offset, maxBytes);
    let end = bytes.lastIndexOf(NEWLINE) + 1;
    while (end === 0 && bytes.length === maxBytes) { // a line that is longer
      maxBytes *= 2;
      bytes = this.#bytesAt(this.#offset, maxBytes);
      end = bytes.lastIndexOf(NEWLINE) + 1;
    }
    this.#offset += end;
    return new TextDecoder().decode(bytes.subarray(0, end)).split("\n").flatMap(parseLine);
  }

  #bytesAt(offset: number, length: number): Uint8Array {
    try {
      using file = Deno.openSync(this.#path);
      file.seekSync(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(length);
      let count = 0;
      while (count < length) {
        const read = file.readSync(bytes.subarray(count));
        if (read === null) break;
        count += read;
      }
      return bytes.subarray(0, count);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Uint8Array();
      throw fileError("read", this.#path, error);
    }
  }
}

/** Returns the objects of all whole lines of the file `path`; none where there is no file. */
export function readJsonLines(path: string): JsonObject[] {
  const reader = new JsonLinesReader(path);
  const all: JsonObject[] = [];
  for (;;) {
    const some = reader.read(1 << 22);
    if (some.length === 0) return all;
    for (const each of some) all.push(each);
  }
}

function parseLine(line: string): JsonObject[] {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? [value as JsonObject] : [];
  } catch {
    return [];
  }
}
