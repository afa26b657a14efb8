/**
 * The daemon's log: JSON lines in files that are put aside when they are long enough.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../utils/clock.ts";
import type { JsonObject } from "../../utils/json.ts";

/** How bad something is. */
export type LogLevel = "info" | "warn" | "error";

/** Something that happened. */
export interface LogEntry {
  /** How bad it is. */
  readonly level: LogLevel;
  /** In words. */
  readonly message: string;
  /** In numbers and names. */
  readonly details?: JsonObject;
}

/** Options of {@linkcode openLog}. */
export interface LogOptions {
  /** Folder of the files. */
  readonly folder: string;
  /** Name of the files, without an ending. */
  readonly name: string;
  /** A file that is longer than this is put aside. */
  readonly maxBytes: number;
  /** Files that are kept, the one that is written included. */
  readonly maxFiles: number;
  /** Reads the time. */
  readonly clock: Clock;
}

/** A log that is written to. */
export interface Log extends Disposable {
  /** Appends a line; a disk that is full loses it. */
  write(entry: LogEntry): void;
}

/** Opens a log and makes its folder. */
export async function openLog(options: LogOptions): Promise<Log> {
  await Deno.mkdir(options.folder, { recursive: true });
  return new RotatingLog(options);
}

class RotatingLog implements Log {
  readonly #options: LogOptions;
  #file: Deno.FsFile | undefined;
  #bytes = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  write({ level, message, details = {} }: LogEntry): void {
    const { clock, maxBytes } = this.#options;
    const time = new Date(clock()).toISOString();
    let line = new TextEncoder().encode(
      `${JSON.stringify({ time, level, message, ...details })}\n`,
    );
    try {
      if (this.#file === undefined) this.#open();
      else if (this.#bytes + line.length > maxBytes) this.#rotate();
      this.#bytes += line.length;
      while (line.length > 0) line = line.subarray(this.#file!.writeSync(line));
    } catch {
      this[Symbol.dispose](); // a log must not end the work that it tells of; the next line tries again
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(): void {
    this.#file = Deno.openSync(this.#path(0), { create: true, append: true });
    this.#bytes = this.#file.statSync().size;
    if (this.#bytes > this.#options.maxBytes) this.#rotate();
  }

  #rotate(): void {
    this[Symbol.dispose]();
    for (let number = this.#options.maxFiles - 1; number > 0; number--) {
      if (existsSync(this.#path(number - 1))) {
        Deno.renameSync(this.#path(number - 1), this.#path(number));
      }
    }
    if (this.#options.maxFiles === 1) Deno.removeSync(this.#path(0));
    this.#file = Deno.openSync(this.#path(0), { create: true, append: true });
    this.#bytes = 0;
  }

  #path(number: number): string {
    const { folder, name } = this.#options;
    return join(folder, number === 0 ? `${name}.log` : `${name}.${number}.log`);
  }
}
