/**
 * Grammars as llama.cpp writes them (GBNF).
 *
 * @module
 */

import {
  choice,
  type CodePoints,
  complement,
  type Grammar,
  type GrammarNode,
  invalidConstraint,
  LAST_CODE_POINT,
  literal,
  repeat,
  rule,
  sequence,
} from "./grammar.ts";

const ROOT = "root";

const MAX_REPEATS = 10_000;

/**
 * Parses a grammar, whose rule `root` is that of whole texts.
 *
 * @throws {InferenceError} If it cannot be read or names a rule that it does not have.
 */
export function parseGbnf(source: string): Grammar {
  const rules = new Parser(source).parse();
  if (!rules.has(ROOT)) throw invalidConstraint(`the grammar has no rule "${ROOT}"`);
  return { root: ROOT, rules };
}

/** White space and comments. */
const BLANK = /(?:[ \t]|#[^\r\n]*)*/y;
const BLANK_LINES = /(?:\s|#[^\r\n]*)*/y;
const NAME = /[A-Za-z0-9][\w-]*/y;
const NEXT_RULE = /(?:\s|#[^\r\n]*)*(?:$|[A-Za-z0-9][\w-]*(?:[ \t])*::=)/y;
const BOUNDS = /\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}/y;

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Map<string, GrammarNode> {
    const rules = new Map<string, GrammarNode>();
    this.#match(BLANK_LINES);
    while (this.#at < this.#source.length) {
      const name = this.#match(NAME)?.[0];
      if (name === undefined) throw this.#fail("the name of a rule");
      this.#match(BLANK);
      if (!this.#take("::=")) throw this.#fail('"::="');
      if (rules.has(name)) throw invalidConstraint(`the grammar has two rules "${name}"`);
      this.#match(BLANK_LINES);
      rules.set(name, this.#alternatives());
      this.#match(BLANK_LINES);
    }
    return rules;
  }

  #alternatives(): GrammarNode {
    const items = [this.#sequence()];
    while (this.#take("|")) {
      this.#match(BLANK_LINES);
      items.push(this.#sequence());
    }
    return choice(...items);
  }

  #sequence(): GrammarNode {
    const items: GrammarNode[] = [];
    while (true) {
      this.#skip();
      const item = this.#item();
      if (item === undefined) return sequence(...items);
      items.push(this.#repeated(item));
    }
  }

  /** Inside of brackets, and before `|`, a rule may go on in the next line. */
  #skip(): void {
    const before = this.#at;
    this.#match(BLANK_LINES);
    if (this.#depth > 0 || this.#source[this.#at] === "|") return;
    const passed = this.#source.slice(before, this.#at);
    if (!/[\r\n]/.test(passed)) return;
    NEXT_RULE.lastIndex = this.#at;
    if (NEXT_RULE.test(this.#source)) this.#at = before + (/[\r\n]/.exec(passed)?.index ?? 0);
  }

  #item(): GrammarNode | undefined {
    const next = this.#source[this.#at];
    switch (next) {
      case '"':
        return literal(this.#literal());
      case "[":
        return { kind: "chars", ranges: this.#class() };
      case ".":
        this.#at++;
        return { kind: "chars", ranges: [[0, LAST_CODE_POINT]] };
      case "(": {
        this.#at++;
        this.#depth++;
        const inside = this.#alternatives();
        this.#match(BLANK_LINES);
        if (!this.#take(")")) throw this.#fail('")"');
        this.#depth--;
        return inside;
      }
      default: {
        const name = this.#match(NAME)?.[0];
        return name === undefined ? undefined : rule(name);
      }
    }
  }

  #repeated(item: GrammarNode): GrammarNode {
    let node = item;
    while (true) {
      if (this.#take("*")) node = repeat(node, 0, Infinity);
      else if (this.#take("+")) node = repeat(node, 1, Infinity);
      else if (this.#take("?")) node = repeat(node, 0, 1);
      else {
        const bounds = this.#match(BOUNDS);
        if (bounds === null) return node;
        const min = Number(bounds[1]);
        const max = bounds[2] === undefined ? min : bounds[3] === "" ? Infinity : Number(bounds[3]);
        if (min > MAX_REPEATS || (max !== Infinity && max > MAX_REPEATS)) {
          throw invalidConstraint(`the grammar repeats something more than ${MAX_REPEATS} times`);
        }
        node = repeat(node, min, max);
      }
    }
  }

  #literal(): string {
    this.#at++;
    let text = "";
    while (!this.#take('"')) text += String.fromCodePoint(this.#character());
    return text;
  }

  #class(): readonly CodePoints[] {
    this.#at++;
    const isNegated = this.#take("^");
    const ranges: CodePoints[] = [];
    while (!this.#take("]")) {
      const from = this.#character();
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      ranges.push([from, isRange ? this.#character() : from]);
    }
    return isNegated ? complement(ranges) : ranges;
  }

  #character(): number {
    const point = this.#source.codePointAt(this.#at);
    if (point === undefined || point === 10) throw this.#fail("an end of what is quoted");
    this.#at += point > 0xffff ? 2 : 1;
    if (point !== 0x5c) return point;
    const kind = this.#source[this.#at++];
    const digits = { x: 2, u: 4, U: 8 }[kind ?? ""];
    if (digits !== undefined) {
      const hex = this.#source.slice(this.#at, this.#at + digits);
      const value = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits
        ? parseInt(hex, 16)
        : Infinity;
      if (value > LAST_CODE_POINT) throw this.#fail(`${digits} hexadecimal digits`);
      this.#at += digits;
      return value;
    }
    const known = { n: 10, r: 13, t: 9 }[kind ?? ""];
    if (known !== undefined) return known;
    if (kind === undefined || !'"\\[]^-'.includes(kind)) throw this.#fail("a known escape");
    return kind.codePointAt(0)!;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #fail(wanted: string): Error {
    const line = this.#source.slice(0, this.#at).split("\n").length;
    return invalidConstraint(
      `line ${line} of the grammar must have ${wanted} at "${
        this.#source.slice(this.#at, this.#at + 20)
      }"`,
    );
  }
}
