/**
 * Requests for embeddings, one after the other.
 *
 * @module
 */

import { InferenceError } from "../inference_error.ts";

/** Answers requests one after the other, and refuses what would wait too long. */
export class EmbeddingQueue {
  readonly #maxQueue: number;
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** Creates a queue in which so many requests may wait. */
  constructor(maxQueue: number) {
    this.#maxQueue = maxQueue;
  }

  /** How many requests wait. */
  get waiting(): number {
    return Math.max(0, this.#length - 1);
  }

  /**
   * Does `work` when what came before is done.
   *
   * @throws {InferenceError} If too many wait.
   */
  async add<T>(work: () => Promise<T>): Promise<T> {
    if (this.#length > this.#maxQueue) {
      throw new InferenceError(
        "queue_full",
        `Cannot take the request: ${this.waiting} others for embeddings are waiting; try again later`,
      );
    }
    this.#length++;
    const done = this.#last.then(work).finally(() => this.#length--);
    this.#last = done.catch(() => {});
    return await done;
  }

  /** Resolves when all is done. */
  async idle(): Promise<void> {
    while (this.#length > 0) await this.#last;
  }
}
