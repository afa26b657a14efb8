/**
 * Numbers between two bounds, as grammars.
 *
 * @module
 */

import {
  chars,
  choice,
  type GrammarNode,
  invalidConstraint,
  literal,
  repeat,
  sequence,
} from "./grammar.ts";
import { INTEGER, NUMBER } from "./json_text.ts";

/** Bounds of a number, as JSON Schema has them. */
export interface NumberBounds {
  /** Smallest value. */
  readonly minimum?: number;
  /** Largest value. */
  readonly maximum?: number;
  /** What it must be above. */
  readonly exclusiveMinimum?: number;
  /** What it must be below. */
  readonly exclusiveMaximum?: number;
}

/** The largest number of 15 digits. */
const LARGEST = 10 ** 15 - 1;

const DIGIT = chars("0-9");

/** The most digits behind the point that are tried where no integer lies between the bounds. */
const MAX_DECIMALS = 9;

const MAX_LISTED = 1000;

/** Returns the integers within the bounds, of at most 15 digits. */
export function integers(bounds: NumberBounds): GrammarNode {
  const { low, high } = integerBounds(bounds);
  if (low === -Infinity && high === Infinity) return INTEGER;
  if (low > high) throw invalidConstraint("no integer lies between its bounds");
  return between(Math.max(low, -LARGEST), Math.min(high, LARGEST));
}

/** Returns numbers within the bounds: integers, and what lies between two of them that are. */
export function numbers(bounds: NumberBounds): GrammarNode {
  const low = Math.max(bounds.minimum ?? -Infinity, bounds.exclusiveMinimum ?? -Infinity);
  const high = Math.min(bounds.maximum ?? Infinity, bounds.exclusiveMaximum ?? Infinity);
  if (low === -Infinity && high === Infinity) return NUMBER;
  const whole = integerBounds(bounds);
  if (whole.low > whole.high) return decimals(bounds);
  const forms = [between(Math.max(whole.low, -LARGEST), Math.min(whole.high, LARGEST))];
  const fraction = sequence(literal("."), repeat(DIGIT, 1, 6));
  // n.… lies from n to n + 1
  const from = Math.max(0, whole.low);
  const to = Math.min(LARGEST, Math.floor(high) - 1);
  if (from <= to) forms.push(sequence(natural(from, to), fraction));
  // -n.… lies from -(n + 1) to -n
  const deepest = Math.min(LARGEST, -Math.ceil(low) - 1);
  const nearest = Math.max(0, -whole.high);
  if (nearest <= deepest) forms.push(sequence(literal("-"), natural(nearest, deepest), fraction));
  return choice(...forms);
}

function integerBounds(bounds: NumberBounds): { readonly low: number; readonly high: number } {
  const { minimum = -Infinity, maximum = Infinity } = bounds;
  const { exclusiveMinimum: above = -Infinity, exclusiveMaximum: below = Infinity } = bounds;
  return {
    low: Math.max(Math.ceil(minimum), Math.floor(above) + 1),
    high: Math.min(Math.floor(maximum), Math.ceil(below) - 1),
  };
}

/** Numbers between two neighbouring integers, listed with as few digits as it takes. */
function decimals(bounds: NumberBounds): GrammarNode {
  const { minimum = -Infinity, maximum = Infinity } = bounds;
  const { exclusiveMinimum: above = -Infinity, exclusiveMaximum: below = Infinity } = bounds;
  const fits = (value: number) =>
    value >= minimum && value <= maximum && value > above && value < below;
  for (let digits = 1; digits <= MAX_DECIMALS; digits++) {
    const first = Math.floor(Math.max(minimum, above) * 10 ** digits);
    const found: string[] = [];
    for (let i = first; found.length < MAX_LISTED; i++) {
      const text = (i / 10 ** digits).toFixed(digits);
      if (Number(text) > Math.min(maximum, below)) break;
      if (fits(Number(text))) found.push(text);
    }
    if (found.length > 0) return choice(...found.map(literal));
  }
  throw invalidConstraint("no number of few digits lies between its bounds");
}

function between(low: number, high: number): GrammarNode {
  const forms: GrammarNode[] = [];
  if (high >= 0) forms.push(natural(Math.max(0, low), high));
  if (low < 0) forms.push(sequence(literal("-"), natural(Math.max(1, -high), -low)));
  return choice(...forms);
}

/** The natural numbers from `low` to `high`. */
function natural(low: number, high: number): GrammarNode {
  const forms: GrammarNode[] = [];
  for (let digits = String(low).length; digits <= String(high).length; digits++) {
    const from = Math.max(low, digits === 1 ? 0 : 10 ** (digits - 1));
    const to = Math.min(high, 10 ** digits - 1);
    if (from <= to) forms.push(sameLength(String(from), String(to)));
  }
  return choice(...forms);
}

/** The numbers between two of the same length. */
function sameLength(from: string, to: string): GrammarNode {
  if (from === "") return literal("");
  if (/^0*$/.test(from) && /^9*$/.test(to)) return repeat(DIGIT, from.length, from.length);
  const [a, b] = [Number(from[0]), Number(to[0])];
  const [restA, restB] = [from.slice(1), to.slice(1)];
  if (a === b) return sequence(literal(from[0]!), sameLength(restA, restB));
  const forms: GrammarNode[] = [
    sequence(literal(from[0]!), sameLength(restA, "9".repeat(restA.length))),
    sequence(literal(to[0]!), sameLength("0".repeat(restB.length), restB)),
  ];
  if (b - a > 1) {
    forms.push(sequence(chars(`${a + 1}-${b - 1}`), repeat(DIGIT, restA.length, restA.length)));
  }
  return choice(...forms);
}
