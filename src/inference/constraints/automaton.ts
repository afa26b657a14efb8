/**
 * Runs a program over bytes. All ways in which a text can have been read are followed at once; what has been worked out
 * of a state is kept.
 *
 * @module
 */

import { invalidConstraint } from "./grammar.ts";
import type { Program } from "./program.ts";

/** Where a text is: all the places in the grammar at which it can be. */
export interface State {
  /** Number, by which it is known again. */
  readonly index: number;
  /** Whether the text may end here. */
  readonly canEnd: boolean;
  /** The fewest bytes to a place where it may end. */
  readonly distance: number;
}

/** No text goes on from there. */
export const NOWHERE = -1;

const UNKNOWN = -2;

/** More ways than that to read one text: rules that begin with themselves, or worse. */
const MAX_WAYS = 20_000;

const MAX_STATES = 1_000_000;

interface StoredState extends State {
  readonly nodes: readonly number[];
  readonly next: Int32Array;
}

/** A grammar while texts are read. */
export class Automaton {
  /** Where texts begin. */
  readonly start: State;
  readonly #program: Program;
  /** Nodes: an instruction, the node to return to, and the fewest bytes to the end of a text. */
  readonly #at: number[] = [];
  readonly #parent: number[] = [];
  readonly #distance: number[] = [];
  readonly #nodes = new Map<number, number>();
  readonly #states: StoredState[] = [];
  readonly #byNodes = new Map<string, StoredState>();

  /** Begins with a program. */
  constructor(program: Program) {
    this.#program = program;
    this.start = this.#state([[program.start, -1]])!;
  }

  /** Returns a state by its number. */
  state(index: number): State {
    return this.#states[index]!;
  }

  /** Returns the number of the state after `byte`, or {@linkcode NOWHERE}. */
  step(index: number, byte: number): number {
    const { next, nodes } = this.#states[index]!;
    const known = next[byte]!;
    if (known !== UNKNOWN) return known;
    const moved: (readonly [number, number])[] = [];
    for (const node of nodes) {
      const instruction = this.#program.code[this.#at[node]!]!;
      if (instruction.op === "byte" && instruction.from <= byte && byte <= instruction.to) {
        moved.push([this.#at[node]! + 1, this.#parent[node]!]);
      }
    }
    return next[byte] = (moved.length === 0 ? undefined : this.#state(moved))?.index ?? NOWHERE;
  }

  #node(at: number, parent: number): number {
    const key = (parent + 1) * 2 ** 19 + at; // there are fewer instructions
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = this.#at.push(at) - 1;
    this.#parent.push(parent);
    this.#distance.push(this.#program.distances[at]! + this.#rest(parent));
    this.#nodes.set(key, node);
    return node;
  }

  #rest(parent: number): number {
    return parent < 0 ? 0 : this.#distance[parent]!;
  }

  /** Follows everything that reads no byte. */
  #state(begin: readonly (readonly [number, number])[]): StoredState | undefined {
    const { code } = this.#program;
    const seen = new Set<number>();
    const nodes: number[] = [];
    let canEnd = false;
    const pending = begin.map(([at, parent]) => this.#node(at, parent));
    while (pending.length > 0) {
      const node = pending.pop()!;
      if (seen.has(node) || this.#distance[node] === Infinity) continue;
      seen.add(node);
      if (seen.size > MAX_WAYS) {
        throw invalidConstraint("a rule begins with itself, or texts can be read in too many ways");
      }
      const at = this.#at[node]!;
      const parent = this.#parent[node]!;
      const instruction = code[at]!;
      switch (instruction.op) {
        case "byte":
          nodes.push(node);
          break;
        case "split":
          for (const target of instruction.targets) pending.push(this.#node(target, parent));
          break;
        case "call": {
          const isLast = code[at + 1]!.op === "return";
          const back = isLast ? parent : this.#node(at + 1, parent);
          pending.push(this.#node(instruction.target, back));
          break;
        }
        case "return":
          if (parent < 0) canEnd = true;
          else pending.push(parent);
          break;
      }
    }
    if (nodes.length === 0 && !canEnd) return undefined;
    return this.#stored(nodes.sort((a, b) => a - b), canEnd);
  }

  #stored(nodes: readonly number[], canEnd: boolean): StoredState {
    const key = `${canEnd ? "." : ""}${nodes.join(" ")}`;
    const known = this.#byNodes.get(key);
    if (known !== undefined) return known;
    if (this.#states.length >= MAX_STATES) throw invalidConstraint("it is too complicated");
    const state = {
      index: this.#states.length,
      nodes,
      canEnd,
      distance: canEnd
        ? 0
        : nodes.reduce((min, node) => Math.min(min, this.#distance[node]!), Infinity),
      next: new Int32Array(256).fill(UNKNOWN),
    };
    this.#states.push(state);
    this.#byNodes.set(key, state);
    return state;
  }
}
