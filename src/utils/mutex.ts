/**
 * Work that must not overlap.
 *
 * @module
 */

/** Runs work of one name one after the other, and work of different names side by side. */
export interface Mutex {
  /** Waits until work of this name that came before has ended, and runs `work`. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Creates a mutex. */
export function createMutex(): Mutex {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(name, work) {
      const before = tails.get(name) ?? Promise.resolve();
      const done = before.then(work);
      const tail = done.catch(() => {}).finally(() => {
        if (tails.get(name) === tail) tails.delete(name);
      });
      tails.set(name, tail);
      return done;
    },
  };
}
