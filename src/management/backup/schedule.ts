/**
 * When backups are due.
 *
 * @module
 */

/** What the next time depends on. */
export interface DailyOptions {
  /** The time of day on the machine's clock: `HH:MM`. */
  readonly at: string;
  /** When the last one was begun, in milliseconds since 1970; `undefined` if there was none. */
  readonly lastMs: number | undefined;
  /** The time. */
  readonly nowMs: number;
}

/**
 * Returns when the next daily backup is due, in milliseconds since 1970. If one was missed, as the machine was off
 * or there was none yet, that time has passed. In a night without that time of day it is as much later as the clock was put forward.
 */
export function nextDaily({ at, lastMs = -Infinity, nowMs }: DailyOptions): number {
  const today = atTime(at, { nowMs, days: 0 });
  const latest = today <= nowMs ? today : atTime(at, { nowMs, days: -1 });
  if (lastMs < latest) return latest;
  return latest === today ? atTime(at, { nowMs, days: 1 }) : today;
}

function atTime(
  at: string,
  { nowMs, days }: { readonly nowMs: number; readonly days: number },
): number {
  const [hours = 0, minutes = 0] = at.split(":").map(Number);
  const date = new Date(nowMs);
  date.setDate(date.getDate() + days);
  date.setHours(hours, minutes, 0, 0);
  return date.getTime();
}
