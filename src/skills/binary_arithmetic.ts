/**
 * Arithmetic on binary numbers, written with the digits ⓪ and ①.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick } from "./choice.ts";
import { checkLevel, CORRECT, incorrect, type Skill, type SkillItem } from "./skill.ts";

/** What is to be done with the numbers. */
export const BINARY_OPERATIONS = [
  "decimal",
  "binary",
  "add",
  "subtract",
  "and",
  "or",
  "xor",
  "multiply",
  "compare",
] as const;

/** What is to be done with the numbers. */
export type BinaryOperation = (typeof BINARY_OPERATIONS)[number];

/** A problem; its answer is a number or one of `<`, `=`, `>`. */
export interface BinaryItem extends SkillItem {
  /** What is to be done. */
  readonly operation: BinaryOperation;
}

/** Longest number and operations of each level. */
const LEVELS: readonly (readonly [bits: number, operations: readonly BinaryOperation[]])[] = [
  [3, ["decimal", "binary"]],
  [4, ["decimal", "binary", "add"]],
  [5, ["add", "subtract", "compare"]],
  [6, ["add", "subtract", "and", "or"]],
  [8, ["add", "subtract", "and", "or", "xor"]],
  [8, BINARY_OPERATIONS],
  [12, BINARY_OPERATIONS],
];

/** Question and result of each operation on two numbers, of which conversions use the first. */
const PROBLEMS: Readonly<
  Record<BinaryOperation, (a: number, b: number) => readonly [question: string, answer: string]>
> = {
  decimal: (a) => [`Convert ${toCircled(a)} to decimal.`, String(a)],
  binary: (a) => [`Convert ${a} to binary.`, toCircled(a)],
  add: (a, b) => [`Add ${toCircled(a)} + ${toCircled(b)}.`, toCircled(a + b)],
  subtract: (a, b) => [
    `Subtract ${toCircled(Math.max(a, b))} - ${toCircled(Math.min(a, b))}.`,
    toCircled(Math.abs(a - b)),
  ],
  and: (a, b) => [`Compute ${toCircled(a)} AND ${toCircled(b)}.`, toCircled(a & b)],
  or: (a, b) => [`Compute ${toCircled(a)} OR ${toCircled(b)}.`, toCircled(a | b)],
  xor: (a, b) => [`Compute ${toCircled(a)} XOR ${toCircled(b)}.`, toCircled(a ^ b)],
  multiply: (a, b) => [`Multiply ${toCircled(a)} * ${toCircled(b)}.`, toCircled(a * b)],
  compare: (a, b) => [
    `Compare ${toCircled(a)} ? ${toCircled(b)}: answer <, = or >.`,
    a < b ? "<" : a > b ? ">" : "=",
  ],
};

/** Conversions, sums, differences, logic, products and comparisons of binary numbers with up to 12 digits. */
export const binaryArithmetic: Skill<BinaryItem> = {
  name: "binary_arithmetic",
  description: "Arithmetic on binary numbers, written with the digits ⓪ and ①",
  levels: LEVELS.length,

  generate(random, level) {
    checkLevel(binaryArithmetic, level);
    const [bits, operations] = LEVELS[level - 1]!;
    const operation = pick(random, operations);
    const [question, answer] = PROBLEMS[operation](number(random, bits), number(random, bits));
    const prompt = `${question} Answer with the result only.`;
    return { history: [], prompt, answer, operation };
  },

  score(item, text) {
    const given = text.trim();
    if (given === item.answer) return CORRECT;
    if (given === "") return incorrect("no answer");
    const wanted = /^[⓪①]+$/.test(item.answer) ? /^[⓪①]+$/ : /^(\d+|[<=>])$/;
    return wanted.test(given)
      ? incorrect(`the result is ${item.answer}, not ${given}`)
      : incorrect("the answer is not the result alone");
  },
};

/** Writes a number in binary with the digits ⓪ and ①, without leading zeros. */
export function toCircled(value: number): string {
  return value.toString(2).replaceAll("0", "⓪").replaceAll("1", "①");
}

/** Every length is equally likely, or nearly all numbers would be long. */
function number(random: Random, bits: number): number {
  const length = between(random, 1, bits);
  return between(random, length === 1 ? 0 : 2 ** (length - 1), 2 ** length - 1);
}
