/**
 * The parts that JSON texts are made of, as grammars.
 *
 * White space, numbers and escapes are kept short, so that a model which has lost its way comes to an end: at most a line
 * break and 16 spaces, 15 digits, two digits of exponent.
 *
 * @module
 */

import {
  chars,
  choice,
  type CodePoints,
  complement,
  type GrammarNode,
  intersection,
  LAST_CODE_POINT,
  literal,
  maybe,
  repeat,
  sequence,
} from "./grammar.ts";

/** Names of rules that every grammar of JSON has. */
export const VALUE_RULE = "json value";

/** The name of the rule of any object. */
export const OBJECT_RULE = "json object";

/** White space, or none. */
export const SPACE: GrammarNode = maybe(
  choice(literal(" "), sequence(literal("\n"), repeat(literal(" "), 0, 16))),
);

const PLAIN: readonly CodePoints[] = [[0x20, 0x21], [0x23, 0x5b], [0x5d, LAST_CODE_POINT]];
const HEX = chars("0-9a-fA-F");
const ESCAPED = sequence(
  literal("\\"),
  choice(chars('"\\/bfnrt'), sequence(literal("u00"), HEX, HEX)),
);

/** One character of a string, as JSON spells it. */
export const STRING_CHARACTER: GrammarNode = choice({ kind: "chars", ranges: PLAIN }, ESCAPED);

/** Characters that stand for themselves in a string. */
export const PLAIN_CHARACTERS: readonly CodePoints[] = PLAIN;

/** Any string. */
export const STRING: GrammarNode = quoted(repeat(STRING_CHARACTER, 0, Infinity));

const DIGITS = chars("0-9");
const WHOLE = choice(literal("0"), sequence(chars("1-9"), repeat(DIGITS, 0, 14)));

/** Any integer. */
export const INTEGER: GrammarNode = sequence(maybe(literal("-")), WHOLE);

/** Any number. */
export const NUMBER: GrammarNode = sequence(
  INTEGER,
  maybe(sequence(literal("."), repeat(DIGITS, 1, 15))),
  maybe(sequence(chars("eE"), maybe(chars("+-")), repeat(DIGITS, 1, 2))),
);

/** True or false. */
export const BOOLEAN: GrammarNode = choice(literal("true"), literal("false"));

/** Puts quotation marks around the inside of a string. */
export function quoted(inside: GrammarNode): GrammarNode {
  return sequence(literal('"'), inside, literal('"'));
}

/** Comma-separated: nothing, or `item` at least `min` and at most `max` times. */
export function list(item: GrammarNode, min: number, max: number): GrammarNode {
  if (max === 0) return literal("");
  const more = repeat(sequence(literal(","), SPACE, item), Math.max(0, min - 1), max - 1);
  const some = sequence(item, SPACE, more);
  return min === 0 ? maybe(some) : some;
}

/** A key and its value. */
export function member(key: GrammarNode, value: GrammarNode): GrammarNode {
  return sequence(key, SPACE, literal(":"), SPACE, value);
}

/** Puts brackets around what is inside. */
export function bracketed(brackets: "[]" | "{}", inside: GrammarNode): GrammarNode {
  return sequence(literal(brackets[0]!), SPACE, inside, SPACE, literal(brackets[1]!));
}

/** The rules of any JSON value. */
export function valueRules(): Map<string, GrammarNode> {
  const value: GrammarNode = { kind: "rule", name: VALUE_RULE };
  const object = bracketed("{}", list(sequence(member(STRING, value), SPACE), 0, Infinity));
  const array = bracketed("[]", list(sequence(value, SPACE), 0, Infinity));
  return new Map<string, GrammarNode>([
    [
      VALUE_RULE,
      choice({ kind: "rule", name: OBJECT_RULE }, array, STRING, NUMBER, BOOLEAN, literal("null")),
    ],
    [OBJECT_RULE, object],
  ]);
}

/** Returns a text or a pattern as the inside of a JSON string spells it. */
export function asStringInside(node: GrammarNode): GrammarNode {
  switch (node.kind) {
    case "text":
      return literal(JSON.stringify(node.text).slice(1, -1));
    case "chars":
      return escapedCharacters(node.ranges);
    case "sequence":
    case "choice":
      return { kind: node.kind, items: node.items.map(asStringInside) };
    case "repeat":
      return repeat(asStringInside(node.item), node.min, node.max);
    case "rule":
      return node;
  }
}

function escapedCharacters(ranges: readonly CodePoints[]): GrammarNode {
  const plain = intersection(ranges, PLAIN);
  const escaped = intersection(ranges, complement(PLAIN)).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i)
  );
  return choice(
    ...(plain.length > 0 ? [{ kind: "chars", ranges: plain } as const] : []),
    ...escaped.map((point) => literal(JSON.stringify(String.fromCodePoint(point)).slice(1, -1))),
  );
}

/** Any string that is none of `names`, without escapes, so that none of them can be spelled in another way. */
export function stringOtherThan(names: readonly string[]): GrammarNode {
  return quoted(otherThan(names.map((name) => [...name])));
}

function otherThan(names: readonly (readonly string[])[]): GrammarNode {
  const byFirst = Map.groupBy(names.filter((name) => name.length > 0), ([first]) => first!);
  const taken = [...byFirst.keys()].map((
    one,
  ): CodePoints => [one.codePointAt(0)!, one.codePointAt(0)!]);
  const others: GrammarNode = sequence(
    { kind: "chars", ranges: intersection(PLAIN, complement(taken)) },
    repeat({ kind: "chars", ranges: PLAIN }, 0, Infinity),
  );
  const alike = [...byFirst]
    .filter(([first]) => JSON.stringify(first).length === first.length + 2)
    .map(([first, those]) =>
      sequence(literal(first), otherThan(those.map((name) => name.slice(1))))
    );
  const isName = names.some((name) => name.length === 0);
  return choice(...(isName ? [] : [literal("")]), others, ...alike);
}
