/**
 * Regular expressions as grammars: what JavaScript and Python write alike and what reads a text from left to right.
 *
 * @module
 */

import {
  choice,
  type CodePoints,
  complement,
  type GrammarNode,
  invalidConstraint,
  LAST_CODE_POINT,
  repeat,
  sequence,
} from "./grammar.ts";

/** Options of {@linkcode parseRegex}. */
export interface ParseRegexOptions {
  /** Whether the text may have more on both sides where the expression has no `^` and `$`. @default {false} */
  readonly search?: boolean;
}

const DIGIT: readonly CodePoints[] = [[0x30, 0x39]];
const WORD: readonly CodePoints[] = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const WHITE: readonly CodePoints[] = [[9, 13], [32, 32]];
const BREAKS: readonly CodePoints[] = [[10, 10], [13, 13], [0x2028, 0x2029]];

const CLASSES: Readonly<Record<string, readonly CodePoints[]>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: WHITE,
  // what of Unicode is white, \s may leave out, but \S must not let in
  S: complement([
    ...WHITE,
    [0x85, 0x85],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ]),
};

const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, "0": 0 };

const MAX_REPEATS = 10_000;

/**
 * Parses a regular expression that a whole text has to follow.
 *
 * @throws {InferenceError} If it cannot be read, or asks for what lies around a place.
 */
export function parseRegex(
  source: string,
  { search = false }: ParseRegexOptions = {},
): GrammarNode {
  return new Parser(source, search).parse();
}

const ANYTHING: GrammarNode = repeat(
  { kind: "chars", ranges: [[0, LAST_CODE_POINT]] },
  0,
  Infinity,
);

class Parser {
  readonly #characters: readonly string[];
  readonly #search: boolean;
  #at = 0;

  constructor(source: string, search: boolean) {
    this.#characters = [...source];
    this.#search = search;
  }

  parse(): GrammarNode {
    const alternatives = [this.#anchored()];
    while (this.#take("|")) alternatives.push(this.#anchored());
    if (this.#at < this.#characters.length) throw this.#fail(`"${this.#characters[this.#at]}"`);
    return choice(...alternatives);
  }

  #anchored(): GrammarNode {
    const begins = this.#take("^") || !this.#search;
    const inside = this.#sequence();
    const ends = this.#take("$") || !this.#search;
    return sequence(...(begins ? [] : [ANYTHING]), inside, ...(ends ? [] : [ANYTHING]));
  }

  #sequence(): GrammarNode {
    const items: GrammarNode[] = [];
    for (
      let next = this.#peek();
      next !== undefined && !"|)$".includes(next);
      next = this.#peek()
    ) {
      items.push(this.#repeated(this.#atom()));
    }
    return sequence(...items);
  }

  #atom(): GrammarNode {
    const next = this.#next();
    switch (next) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "chars", ranges: this.#class() };
      case ".":
        return { kind: "chars", ranges: complement(BREAKS) };
      case "\\":
        return { kind: "chars", ranges: this.#escape() };
      case "^":
      case "*":
      case "+":
      case "?":
        throw this.#fail(`"${next}" at this place`);
      default:
        return { kind: "chars", ranges: [one(next)] };
    }
  }

  #group(): GrammarNode {
    if (this.#take("?")) {
      const isNamed = this.#take("P") || this.#peek() === "<";
      if (isNamed && this.#take("<") && !"=!".includes(this.#peek() ?? "=")) {
        while (this.#next() !== ">");
      } else if (!this.#take(":")) {
        throw this.#fail("what looks around or sets flags");
      }
    }
    const alternatives = [this.#sequence()];
    while (this.#take("|")) alternatives.push(this.#sequence());
    if (!this.#take(")")) throw this.#fail('a group without ")"');
    return choice(...alternatives);
  }

  #repeated(item: GrammarNode): GrammarNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return item;
    if (!this.#take("?") && this.#take("+")) throw this.#fail("a possessive quantifier");
    if (this.#bounds() !== undefined) throw this.#fail("two quantifiers in a row");
    const [min, max] = bounds;
    if (min > MAX_REPEATS || (max !== Infinity && max > MAX_REPEATS)) {
      throw this.#fail(`more than ${MAX_REPEATS} repetitions`);
    }
    return repeat(item, min, max);
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    const rest = this.#characters.slice(this.#at, this.#at + 24).join("");
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest);
    if (match === null) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    if (match[2] === undefined) return [min, min];
    const max = match[3] === "" ? Infinity : Number(match[3]);
    if (max < min) throw this.#fail("a quantifier that ends before it begins");
    return [min, max];
  }

  #class(): readonly CodePoints[] {
    const isNegated = this.#take("^");
    const ranges: CodePoints[] = [];
    while (!this.#take("]")) {
      const first = this.#member();
      const isRange = this.#peek() === "-" && this.#characters[this.#at + 1] !== "]";
      if (!isRange || first.length !== 1 || first[0]![0] !== first[0]![1]) {
        ranges.push(...first);
        continue;
      }
      this.#at++;
      const [last] = this.#member();
      if (last === undefined || last[0] !== last[1] || last[0] < first[0]![0]) {
        throw this.#fail("a range that ends before it begins");
      }
      ranges.push([first[0]![0], last[0]]);
    }
    return isNegated ? complement(ranges) : ranges;
  }

  #member(): readonly CodePoints[] {
    const next = this.#next();
    if (next !== "\\") return [one(next)];
    return this.#take("b") ? [[8, 8]] : this.#escape();
  }

  #escape(): readonly CodePoints[] {
    const next = this.#next();
    const known = CLASSES[next];
    if (known !== undefined) return known;
    const control = CONTROLS[next];
    if (control !== undefined) return [[control, control]];
    if (next === "x") return this.#hex(2);
    if (next === "u") {
      if (!this.#take("{")) return this.#hex(4);
      let digits = "";
      for (let digit = this.#next(); digit !== "}"; digit = this.#next()) digits += digit;
      return this.#codePoint(digits);
    }
    if (/[A-Za-z1-9]/.test(next)) throw this.#fail(`"\\${next}"`);
    return [one(next)];
  }

  #hex(count: number): readonly CodePoints[] {
    return this.#codePoint(Array.from({ length: count }, () => this.#next()).join(""));
  }

  #codePoint(digits: string): readonly CodePoints[] {
    const point = /^[0-9a-fA-F]{1,6}$/.test(digits) ? parseInt(digits, 16) : Infinity;
    if (point > LAST_CODE_POINT) throw this.#fail(`the character "${digits}"`);
    return [[point, point]];
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const next = this.#characters[this.#at++];
    if (next === undefined) throw this.#fail("an expression that ends too early");
    return next;
  }

  #fail(what: string): Error {
    return invalidConstraint(
      `the regular expression "${this.#characters.join("")}" has ${what}, which is not supported`,
    );
  }
}

function one(character: string): CodePoints {
  const point = character.codePointAt(0)!;
  return [point, point];
}
