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
 * Session settings that make idle threads sleep. By default they spin for a while, which brings a shared machine to a
 * standstill.
 */
export const NO_SPINNING = {
  intra_op: { allow_spinning: "0" },
  inter_op: { allow_spinning: "0" },
} as const;

/**
 * Session settings of the native library: threads spin for as long as waking one takes, and sleep then. Between the
 * operators of one decoded token that saves a quarter of the time; a shared machine does not feel it. (WebAssembly takes
 * these settings, too, and gains nothing.)
 */
export const BRIEF_SPINNING = {
  intra_op: { allow_spinning: "1", spin_duration_us: "20" },
  inter_op: { allow_spinning: "0" },
} as const;
