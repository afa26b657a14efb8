/**
 * Work that must not overlap.
 *
 * @module
 */

/** Runs tasks one at a time, in the order in which they come. */
export class RunQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` once all earlier ones have ended; a task that fails does not stop the next. */
  add<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}
