/**
 * Grammars: which texts are let through.
 *
 * @module
 */

import { InferenceError } from "../inference_error.ts";

/** Code points from the first to the second, both included. */
export type CodePoints = readonly [from: number, to: number];

/** A part of a grammar. */
export type GrammarNode =
  | { readonly kind: "chars"; readonly ranges: readonly CodePoints[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "sequence"; readonly items: readonly GrammarNode[] }
  | { readonly kind: "choice"; readonly items: readonly GrammarNode[] }
  | {
    readonly kind: "repeat";
    readonly item: GrammarNode;
    readonly min: number;
    readonly max: number;
  }
  | { readonly kind: "rule"; readonly name: string };

/** Rules by name, and the one that a text has to follow. */
export interface Grammar {
  /** The rule of whole texts. */
  readonly root: string;
  /** Every rule. */
  readonly rules: ReadonlyMap<string, GrammarNode>;
}

/** The largest code point. */
export const LAST_CODE_POINT = 0x10ffff;

/** Exactly this text. */
export function literal(text: string): GrammarNode {
  return { kind: "text", text };
}

/** One after the other. */
export function sequence(...items: readonly GrammarNode[]): GrammarNode {
  return { kind: "sequence", items };
}

/** Any one of these. */
export function choice(...items: readonly GrammarNode[]): GrammarNode {
  return { kind: "choice", items };
}

/** `item` at least `min` and at most `max` times; `max` may be infinite. */
export function repeat(item: GrammarNode, min: number, max: number): GrammarNode {
  return { kind: "repeat", item, min, max };
}

/** `item` or nothing. */
export function maybe(item: GrammarNode): GrammarNode {
  return repeat(item, 0, 1);
}

/** Another rule. */
export function rule(name: string): GrammarNode {
  return { kind: "rule", name };
}

/** One character of these, given as `a-z0-9_`; only a `-` between two others means a range. */
export function chars(spelled: string): GrammarNode {
  const points = [...spelled].map((character) => character.codePointAt(0)!);
  const ranges: CodePoints[] = [];
  for (let i = 0; i < points.length; i++) {
    const isRange = points[i + 1] === 0x2d && i + 2 < points.length;
    ranges.push([points[i]!, isRange ? points[i + 2]! : points[i]!]);
    if (isRange) i += 2;
  }
  return { kind: "chars", ranges };
}

/** Returns the code points that are not in `ranges`. */
export function complement(ranges: readonly CodePoints[]): CodePoints[] {
  const left: CodePoints[] = [];
  let next = 0;
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    if (from > next) left.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= LAST_CODE_POINT) left.push([next, LAST_CODE_POINT]);
  return left;
}

/** Returns the code points that are in both. */
export function intersection(a: readonly CodePoints[], b: readonly CodePoints[]): CodePoints[] {
  return a.flatMap(([from, to]) =>
    b.map(([low, high]): CodePoints => [Math.max(from, low), Math.min(to, high)])
      .filter(([low, high]) => low <= high)
  );
}

/** Returns the error of a constraint that cannot be used. */
export function invalidConstraint(reason: string): InferenceError {
  return new InferenceError("invalid_constraint", `Cannot constrain the text: ${reason}`);
}
