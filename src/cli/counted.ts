/**
 * Numbers of things as people read them.
 *
 * @module
 */

/** Writes how many of something there are: `1 backup`, `2 backups`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
