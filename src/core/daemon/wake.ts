/**
 * Waiting that can be cut short.
 *
 * @module
 */

/** Lets loops wait until something happens. */
export interface Wake {
  /** Ends all waits that are under way. */
  wake(): void;
  /** Waits for {@linkcode wake}, or for `ms` at most. */
  wait(ms: number): Promise<void>;
}

/** Creates a {@linkcode Wake}; once `signal` has fired it waits for nothing. */
export function createWake(signal: AbortSignal): Wake {
  let current = Promise.withResolvers<void>();
  const wake = () => {
    const { resolve } = current;
    current = Promise.withResolvers<void>();
    resolve();
  };
  signal.addEventListener("abort", wake, { once: true });
  return {
    wake,
    async wait(ms) {
      if (signal.aborted) return;
      const timer = Promise.withResolvers<void>();
      const id = setTimeout(timer.resolve, ms);
      await Promise.race([current.promise, timer.promise]);
      clearTimeout(id);
    },
  };
}
