/**
 * Work that may take only so long.
 *
 * @module
 */

/** Options of {@linkcode limited}. */
export interface LimitedOptions {
  /** Longest time, while this thread is free to notice an answer. */
  readonly timeoutMs: number;
  /** Ends the work before. */
  readonly signal: AbortSignal;
}

const TICKS = 20;

/**
 * Does `work`, and leaves it behind when it takes too long, whether it heeds its signal or not. A thread that computes
 * notices nothing for a while: that is not counted, for the answer may be there already.
 *
 * @throws {Error} If it takes too long.
 */
export async function limited<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, signal }: LimitedOptions,
): Promise<T> {
  const slow = new AbortController();
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks >= TICKS) slow.abort(new Error(`there was no answer within ${timeoutMs / 1000} s`));
  }, timeoutMs / TICKS);
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(slow.signal.aborted ? slow.signal.reason : signal.reason);
  });
  const ended = AbortSignal.any([slow.signal, signal]);
  ended.addEventListener("abort", stop, { once: true });
  try {
    ended.throwIfAborted();
    return await Promise.race([work(ended), stopped]);
  } finally {
    clearInterval(timer);
    ended.removeEventListener("abort", stop);
  }
}
