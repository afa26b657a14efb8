/**
 * Encoding rows in threads of their own.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import type { EncodedBatch, EncodeSettings, PlacedRow } from "./encode_batch.ts";
import type { EncodeAnswer, EncodeMessage } from "./encode_worker.ts";
import type { BatchEncoder } from "./tokenize.ts";

/** Starts `threads` threads that encode rows. */
export function openWorkerEncoder(
  { tokenizer, ...settings }: EncodeSettings,
  threads: number,
): BatchEncoder {
  const message: EncodeMessage = {
    kind: "open",
    settings,
    files: tokenizer?.files,
    eosTokenIds: tokenizer?.eosTokenIds ?? [],
  };
  return new WorkerEncoder(message, threads);
}

/** A batch that waits for its answer. */
interface Waiting {
  resolve(batch: EncodedBatch): void;
  reject(error: unknown): void;
}

class WorkerEncoder implements BatchEncoder {
  readonly width: number;
  readonly #workers: readonly EncodeThread[];

  constructor(message: EncodeMessage, threads: number) {
    // each has a batch at hand when it is done with one
    this.width = 2 * threads;
    this.#workers = Array.from({ length: threads }, () => new EncodeThread(message));
  }

  async encode(rows: readonly PlacedRow[]): Promise<EncodedBatch> {
    const idlest = this.#workers.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    return await idlest.encode(rows);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.close();
    return Promise.resolve();
  }
}

/** One thread; it answers in the order in which it is asked. */
class EncodeThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];

  constructor(message: EncodeMessage) {
    this.#worker = new Worker(new URL("./encode_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<EncodeAnswer>) => {
      const next = this.#waiting.shift();
      if ("batch" in data) return next?.resolve(data.batch);
      const error = data.isUserError ? new UserError(data.error) : new Error(data.error);
      next?.reject(error);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`Internal: a thread that encodes rows has ended: ${event.message}`));
    };
    this.#worker.postMessage(message);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  encode(rows: readonly PlacedRow[]): Promise<EncodedBatch> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage({ kind: "encode", rows } satisfies EncodeMessage);
    });
  }

  close(): void {
    this.#worker.terminate();
    this.#fail(new Error("Internal: the thread was closed"));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
