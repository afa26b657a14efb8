/**
 * A queue from one producer to one consumer that waits.
 *
 * @module
 */

/** Items that one side pushes and the other side iterates over. */
export interface AsyncQueue<T> extends AsyncIterable<T> {
  /** Adds an item; ignored after the end. */
  push(item: T): void;
  /** Ends the iteration after the items that are there. */
  end(): void;
  /** Makes the iteration throw `error` after the items that are there. */
  fail(error: unknown): void;
}

/** Options of {@linkcode createAsyncQueue}. */
export interface AsyncQueueOptions {
  /** Called once when the consumer leaves before the end. */
  readonly onAbandon?: () => void;
}

/** Creates a queue that may be iterated over once. */
export function createAsyncQueue<T>(options: AsyncQueueOptions = {}): AsyncQueue<T> {
  const items: T[] = [];
  let finish: { error?: unknown } | undefined;
  let wake = () => {};

  const iterator: AsyncIterator<T, void> = {
    async next() {
      while (items.length === 0 && finish === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      if (items.length > 0) return { value: items.shift()!, done: false };
      if (finish === undefined || !("error" in finish)) return { value: undefined, done: true };
      const { error } = finish;
      finish = {};
      throw error;
    },
    return() {
      if (finish === undefined) options.onAbandon?.();
      finish = {};
      items.length = 0;
      return Promise.resolve({ value: undefined, done: true });
    },
  };

  return {
    push(item) {
      if (finish === undefined) items.push(item);
      wake();
    },
    end() {
      finish ??= {};
      wake();
    },
    fail(error) {
      finish ??= { error };
      wake();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}
