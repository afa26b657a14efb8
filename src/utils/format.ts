/**
 * Quantities as people read them.
 *
 * @module
 */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;
const COUNT_UNITS = ["", " k", " M", " G", " T"] as const;

/** Writes a number of bytes in decimal units: `15.3 MB`. */
export function formatBytes(bytes: number): string {
  const [value, unit] = scaled(bytes, BYTE_UNITS);
  return `${value} ${unit}`;
}

/** Writes a large number with three digits: `15.2 M`. */
export function formatCount(count: number): string {
  const [value, unit] = scaled(count, COUNT_UNITS);
  return `${value}${unit}`;
}

/** Writes how many things happen in a second: `1.25 k tokens/s`. */
export function formatRate(perSecond: number, things: string): string {
  return `${formatCount(perSecond)} ${things}/s`;
}

/** Writes a duration by its two largest units: `850 ms`, `12.3 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return "unknown";
  if (durationMs < 999.5) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The value to three digits in the largest unit that keeps it at least 1. */
function scaled(value: number, units: readonly string[]): [string, string] {
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = Math.abs(rest) < 9.995 ? 2 : Math.abs(rest) < 99.95 ? 1 : 0;
  return [Number.isInteger(rest) ? String(rest) : rest.toFixed(digits), units[unit]!];
}
