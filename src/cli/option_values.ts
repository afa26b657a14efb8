/**
 * Parsers for the values of options; commander names the option when one of them refuses.
 *
 * @module
 */

import { InvalidArgumentError } from "commander";

/** Bounds of a number, both allowed. */
export interface Bounds {
  /** Smallest value. @default {-Infinity} */
  readonly min?: number;
  /** Largest value. @default {Infinity} */
  readonly max?: number;
}

/** Returns a parser of numbers within `bounds`. */
export function numberOption(bounds: Bounds = {}): (text: string) => number {
  return (text) => within(bounds, text, /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i, "a number");
}

/** Returns a parser of whole numbers within `bounds`. */
export function integerOption(bounds: Bounds = {}): (text: string) => number {
  return (text) => within(bounds, text, /^[-+]?\d+$/, "a whole number");
}

/** Collects the values of an option that may be given several times. */
export function repeatedOption(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function within(bounds: Bounds, text: string, form: RegExp, kind: string): number {
  const { min = -Infinity, max = Infinity } = bounds;
  const value = form.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  const limits = [
    min === -Infinity ? undefined : `at least ${min}`,
    max === Infinity ? undefined : `at most ${max}`,
  ].filter((limit) => limit !== undefined);
  throw new InvalidArgumentError(`It must be ${[kind, limits.join(" and ")].join(" ").trim()}.`);
}
