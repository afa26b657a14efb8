/**
 * Which of two versions is newer, by Semantic Versioning 2.0.0, section 11.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([\w.-]+))?(?:\+[\w.-]+)?$/;

/**
 * Returns a positive number if version `a` is newer than `b`, a negative one if it is older, 0 if neither.
 *
 * @throws {UserError} If one is no version.
 */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [a, b].map(parse);
  for (const [at, number] of first!.numbers.entries()) {
    const difference = number - second!.numbers[at]!;
    if (difference !== 0) return difference;
  }
  return comparePreReleases(first!.preRelease, second!.preRelease);
}

function parse(version: string) {
  const [, major, minor, patch, preRelease] = VERSION.exec(version) ?? [];
  if (major === undefined) {
    throw new UserError(`Cannot compare versions: "${version}" is none; give one like 1.2.3`);
  }
  return { numbers: [major, minor, patch].map(Number), preRelease: preRelease?.split(".") };
}

function comparePreReleases(a?: readonly string[], b?: readonly string[]): number {
  if (a === undefined || b === undefined) return Number(b !== undefined) - Number(a !== undefined);
  for (const [at, mine] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (mine === other) continue;
    const [isNumber, otherIsNumber] = [mine, other].map((part) => /^\d+$/.test(part));
    if (isNumber && otherIsNumber) return Number(mine) - Number(other);
    if (isNumber !== otherIsNumber) return isNumber ? -1 : 1; // numbers come before words
    return mine < other ? -1 : 1;
  }
  return a.length - b.length;
}
