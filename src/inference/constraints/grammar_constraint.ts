/**
 * Lets only those tokens through with which a text follows a grammar and can still be brought to its end.
 *
 * A text that has room for few more tokens is led to its end: of each state the shortest end is known, and how many
 * tokens it takes. So a text follows the grammar as a whole even where the most tokens were generated.
 *
 * @module
 */

import type { TokenConstraint } from "../generation/token_constraint.ts";
import { Automaton, NOWHERE } from "./automaton.ts";
import { invalidConstraint } from "./grammar.ts";
import type { Program } from "./program.ts";
import type { TokenBytes } from "./token_bytes.ts";

/** Options of {@linkcode createGrammarConstraint}. */
export interface GrammarConstraintOptions {
  /** The tokens. */
  readonly tokens: TokenBytes;
  /** Tokens that end a text. */
  readonly eosTokenIds: readonly number[];
  /** The most tokens that are generated. */
  readonly maxTokens: number;
}

/** Tokens that may follow a state, and the states they lead to. */
interface Moves {
  readonly ids: Int32Array;
  readonly states: Int32Array;
  /** The most bytes that any of them is away from an end. */
  readonly farthest: number;
}

/**
 * Follows one text.
 *
 * @throws {InferenceError} If no text that follows the grammar has room in `maxTokens`.
 */
export function createGrammarConstraint(
  program: Program,
  options: GrammarConstraintOptions,
): TokenConstraint {
  return new GrammarConstraint(new Automaton(program), options);
}

class GrammarConstraint implements TokenConstraint {
  readonly #automaton: Automaton;
  readonly #options: GrammarConstraintOptions;
  readonly #moves = new Map<number, Moves>();
  readonly #ends = new Map<number, number>();
  #state: number;
  #left: number;
  #allowed = new Map<number, number>();

  constructor(automaton: Automaton, options: GrammarConstraintOptions) {
    this.#automaton = automaton;
    this.#options = options;
    this.#state = automaton.start.index;
    this.#left = options.maxTokens;
    if (!this.#fits(this.#state, this.#left)) {
      throw invalidConstraint(
        `the shortest text takes ${
          this.#tokensToEnd(this.#state)
        } tokens, and there is room for ${this.#left}`,
      );
    }
  }

  get isDone(): boolean {
    return this.#automaton.state(this.#state).canEnd &&
      this.#movesFrom(this.#state).ids.length === 0;
  }

  mask(logits: Float32Array): void {
    const { ids, states, farthest } = this.#movesFrom(this.#state);
    const canTakeAll = farthest <= this.#left - 1;
    const given = logits.slice();
    logits.fill(-Infinity);
    this.#allowed = new Map();
    for (let i = 0; i < ids.length; i++) {
      if (!canTakeAll && !this.#fits(states[i]!, this.#left - 1)) continue;
      logits[ids[i]!] = given[ids[i]!]!;
      this.#allowed.set(ids[i]!, states[i]!);
    }
    if (this.#automaton.state(this.#state).canEnd) {
      for (const id of this.#options.eosTokenIds) logits[id] = given[id]!;
    }
  }

  accept(id: number): void {
    this.#left--;
    if (this.#options.eosTokenIds.includes(id)) return;
    const next = this.#allowed.get(id);
    if (next === undefined) throw new Error(`Internal: token ${id} does not follow the grammar`);
    this.#state = next;
  }

  /** Whether a text can be brought to its end with so many tokens. */
  #fits(state: number, count: number): boolean {
    return this.#automaton.state(state).distance <= count || this.#tokensToEnd(state) <= count;
  }

  #movesFrom(state: number): Moves {
    const known = this.#moves.get(state);
    if (known !== undefined) return known;
    const { ids, bytes, shared } = this.#options.tokens;
    const found: number[] = [];
    const states: number[] = [];
    const path = [state]; // the states after each byte of a token, as far as there are any
    let farthest = 0;
    for (let i = 0; i < ids.length; i++) {
      const token = bytes[i]!;
      if (shared[i]! > path.length - 1) continue; // it begins with what led nowhere
      path.length = shared[i]! + 1;
      let at = path[path.length - 1]!;
      for (let k = shared[i]!; k < token.length; k++) {
        at = this.#automaton.step(at, token[k]!);
        if (at === NOWHERE) break;
        path.push(at);
      }
      if (at === NOWHERE) continue;
      found.push(ids[i]!);
      states.push(at);
      farthest = Math.max(farthest, this.#automaton.state(at).distance);
    }
    const moves = { ids: Int32Array.from(found), states: Int32Array.from(states), farthest };
    this.#moves.set(state, moves);
    return moves;
  }

  /**
   * How many tokens the shortest end of a text takes, cut into the longest tokens from its beginning. Of several ends the
   * first by its bytes is taken, so that after the first of these tokens the rest of them is the shortest end there.
   */
  #tokensToEnd(state: number): number {
    const known = this.#ends.get(state);
    if (known !== undefined) return known;
    const { byText, alphabet } = this.#options.tokens;
    let text = "";
    for (let at = state; this.#automaton.state(at).distance > 0;) {
      const { distance } = this.#automaton.state(at);
      let byte = 0;
      let next = NOWHERE;
      for (; byte < 256; byte++) {
        if (!alphabet[byte]) continue;
        next = this.#automaton.step(at, byte);
        if (next !== NOWHERE && this.#automaton.state(next).distance === distance - 1) break;
      }
      text += String.fromCharCode(byte);
      at = next;
    }
    let count = 0;
    for (let at = 0; at < text.length; count++) {
      let end = text.length;
      while (!byText.has(text.slice(at, end))) end--;
      at = end;
    }
    this.#ends.set(state, count);
    return count;
  }
}
