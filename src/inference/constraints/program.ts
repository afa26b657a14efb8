/**
 * A grammar as instructions for a machine that reads bytes, as regular expressions are compiled, with calls for rules.
 *
 * @module
 */

import { type Grammar, type GrammarNode, invalidConstraint } from "./grammar.ts";
import { utf8Ranges } from "./utf8_ranges.ts";

/** One instruction. */
export type Instruction =
  | { readonly op: "byte"; readonly from: number; readonly to: number }
  | { readonly op: "split"; readonly targets: readonly number[] }
  | { readonly op: "call"; readonly target: number }
  | { readonly op: "return" };

/** Instructions, and where a text begins. */
export interface Program {
  /** All of them, rule by rule. */
  readonly code: readonly Instruction[];
  /** Where a text begins. */
  readonly start: number;
  /** The fewest bytes from each instruction to the return from its rule; infinite where there is no way. */
  readonly distances: Float64Array;
}

/** Options of {@linkcode compileProgram}. */
export interface CompileOptions {
  /** For each byte, whether a text can have it. */
  readonly alphabet: Uint8Array;
}

const MAX_INSTRUCTIONS = 400_000;

/**
 * Compiles a grammar.
 *
 * @throws {InferenceError} If it is too large, lacks a rule, or no text follows it.
 */
export function compileProgram(grammar: Grammar, { alphabet }: CompileOptions): Program {
  const compiler = new Compiler(grammar);
  const start = compiler.compile();
  const code = compiler.code as readonly Instruction[];
  const distances = distancesOf(code, alphabet);
  if (distances[start] === Infinity) {
    throw invalidConstraint("no text is like this, or the model has no tokens to write it");
  }
  return { code, start, distances };
}

/** A call whose rule is not compiled yet. */
interface OpenCall {
  readonly at: number;
  readonly name: string;
}

class Compiler {
  readonly code: Instruction[] = [];
  readonly #rules: Map<string, GrammarNode>;
  readonly #starts = new Map<string, number>();
  readonly #names = new Map<GrammarNode, string>();
  #calls: OpenCall[] = [];
  readonly #root: string;

  constructor({ root, rules }: Grammar) {
    this.#root = root;
    this.#rules = new Map(rules);
  }

  compile(): number {
    const pending = [this.#root];
    while (pending.length > 0) {
      const name = pending.pop()!;
      if (this.#starts.has(name)) continue;
      const node = this.#rules.get(name);
      if (node === undefined) throw invalidConstraint(`there is no rule "${name}"`);
      this.#starts.set(name, this.code.length);
      const before = this.#calls.length;
      this.#emit(node);
      this.#add({ op: "return" });
      pending.push(...this.#calls.slice(before).map((call) => call.name));
    }
    for (const { at, name } of this.#calls) {
      this.code[at] = { op: "call", target: this.#starts.get(name)! };
    }
    return this.#starts.get(this.#root)!;
  }

  #add(instruction: Instruction): number {
    if (this.code.length >= MAX_INSTRUCTIONS) throw invalidConstraint("it is too large");
    return this.code.push(instruction) - 1;
  }

  #emit(node: GrammarNode): void {
    switch (node.kind) {
      case "text":
        for (const byte of new TextEncoder().encode(node.text)) {
          this.#add({ op: "byte", from: byte, to: byte });
        }
        return;
      case "chars":
        return this.#branches(
          node.ranges.flatMap(utf8Ranges).map((bytes) => () => {
            for (const [from, to] of bytes) this.#add({ op: "byte", from, to });
          }),
        );
      case "sequence":
        return node.items.forEach((item) => this.#emit(item));
      case "choice":
        return this.#branches(node.items.map((item) => () => this.#emit(item)));
      case "repeat":
        return this.#repeat(node);
      case "rule":
        this.#calls.push({ at: this.#add({ op: "return" }), name: node.name });
        return;
    }
  }

  /** Either of several; none of them is a way that leads nowhere. */
  #branches(branches: readonly (() => void)[]): void {
    if (branches.length === 1) return branches[0]!();
    const split = this.#add({ op: "return" });
    const targets: number[] = [];
    const ends: number[] = [];
    for (const branch of branches) {
      targets.push(this.code.length);
      branch();
      ends.push(this.#add({ op: "return" }));
    }
    this.code[split] = { op: "split", targets };
    for (const end of ends) this.code[end] = { op: "split", targets: [this.code.length] };
  }

  #repeat({ item, min, max }: GrammarNode & { readonly kind: "repeat" }): void {
    if (!(min >= 0 && max >= min)) {
      throw invalidConstraint(`nothing repeats ${min} to ${max} times`);
    }
    const copies = max === Infinity ? min + 1 : max;
    const node = copies > 1 && item.kind !== "rule" ? this.#named(item) : item;
    for (let i = 0; i < min; i++) this.#emit(node);
    if (max === Infinity) {
      const split = this.#add({ op: "return" });
      this.#emit(node);
      this.#add({ op: "split", targets: [split] });
      this.code[split] = { op: "split", targets: [split + 1, this.code.length] };
      return;
    }
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#add({ op: "return" }));
      this.#emit(node);
    }
    const end = this.code.length;
    for (const split of splits) this.code[split] = { op: "split", targets: [split + 1, end] };
  }

  /** What occurs often is a rule, so that its instructions are there once. */
  #named(item: GrammarNode): GrammarNode {
    const name = this.#names.get(item) ?? ` ${this.#names.size}`;
    this.#names.set(item, name);
    this.#rules.set(name, item);
    return { kind: "rule", name };
  }
}

function distancesOf(code: readonly Instruction[], alphabet: Uint8Array): Float64Array {
  const distances = new Float64Array(code.length).fill(Infinity);
  for (let changed = true; changed;) {
    changed = false;
    for (let at = code.length - 1; at >= 0; at--) {
      const distance = distanceAt(code[at]!, at, distances, alphabet);
      if (distance < distances[at]!) {
        distances[at] = distance;
        changed = true;
      }
    }
  }
  return distances;
}

function distanceAt(
  instruction: Instruction,
  at: number,
  distances: Float64Array,
  alphabet: Uint8Array,
): number {
  switch (instruction.op) {
    case "byte": {
      const { from, to } = instruction;
      return alphabet.subarray(from, to + 1).includes(1) ? 1 + distances[at + 1]! : Infinity;
    }
    case "split":
      return Math.min(...instruction.targets.map((target) => distances[target]!));
    case "call":
      return distances[instruction.target]! + distances[at + 1]!;
    case "return":
      return 0;
  }
}
