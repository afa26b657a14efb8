/**
 * Time as an argument, so that a test can hold it.
 *
 * @module
 */

/** Reads the time, in milliseconds since 1970. */
export type Clock = () => number;

/** Reads the machine's clock, to a fraction of a millisecond; within a process it never runs backwards. */
export function systemClock(): number {
  return performance.timeOrigin + performance.now();
}
