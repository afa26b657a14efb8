/**
 * How many CPU threads a session gets, and how they wait.
 *
 * @module
 */

const MAX_DEFAULT_THREADS = 8;

/** Returns the number of threads a session gets unless told otherwise. */
export function defaultThreads(): number {
  return Math.min(navigator.hardwareConcurrency, MAX_DEFAULT_THREADS);
}

/**
 * Returns `threads`, or the default.
 *
 * @throws {RangeError} If it is not a positive integer.
 */
export function resolveThreads(threads: number | undefined): number {
  const count = threads ?? defaultThreads();
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot use ${count} threads: it must be a positive integer`);
  }
  return count;
}

/**
 * Session settings that make idle threads sleep. By default they spin for a while, which is no faster where
 * the machine is idle and brings a shared machine to a standstill.
 */
export const NO_SPINNING = {
  intra_op: { allow_spinning: "0" },
  inter_op: { allow_spinning: "0" },
} as const;
