/**
 * Arithmetic on whole numbers.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick } from "./choice.ts";
import { scoreShortAnswer } from "./short_answer.ts";
import { checkLevel, type Skill, type SkillItem } from "./skill.ts";

/** A problem; its answer is a whole number. */
export interface ArithmeticItem extends SkillItem {
  /** The number. */
  readonly result: number;
}

type Operation = "+" | "-" | "*" | "/" | "chain";

/** Most digits of numbers, and the operations. */
const LEVELS: readonly (readonly [digits: number, operations: readonly Operation[]])[] = [
  [1, ["+"]],
  [1, ["+", "-"]],
  [2, ["+", "-"]],
  [2, ["+", "-", "*"]],
  [3, ["+", "-", "/"]],
  [3, ["+", "-", "*", "/"]],
  [4, ["+", "-", "*", "/"]],
  [2, ["chain"]],
  [3, ["chain"]],
  [4, ["*", "/", "chain"]],
];

/** Sums, differences, products, whole quotients, and at the end several in brackets. */
export const arithmetic: Skill<ArithmeticItem> = {
  name: "arithmetic",
  description: "Sums, differences, products and quotients of whole numbers",
  levels: LEVELS.length,

  generate(random, level) {
    checkLevel(arithmetic, level);
    const [digits, operations] = LEVELS[level - 1]!;
    const [question, result] = problem(random, pick(random, operations), digits);
    const prompt = `What is ${question}? Answer with the number only.`;
    return { history: [], prompt, answer: String(result), result };
  },

  score: (item, text) => scoreShortAnswer(text, { answer: item.answer, form: /^-?\d+$/ }),
};

function problem(
  random: Random,
  operation: Operation,
  digits: number,
): readonly [question: string, result: number] {
  const [a, b] = [number(random, digits), number(random, digits)];
  switch (operation) {
    case "+":
      return [`${a} + ${b}`, a + b];
    case "-":
      return [`${a} - ${b}`, a - b];
    case "*":
      return [`${a} * ${b}`, a * b];
    case "/": {
      const divisor = Math.max(1, b);
      return [`${a * divisor} / ${divisor}`, a];
    }
    case "chain": {
      const c = number(random, 1);
      return random.integer(2) === 0
        ? [`(${a} + ${b}) * ${c}`, (a + b) * c]
        : [`(${a} - ${b}) * ${c}`, (a - b) * c + 0];
    }
  }
}

/** Every length is equally likely, or nearly all numbers would be long. */
function number(random: Random, digits: number): number {
  const length = between(random, 1, digits);
  return between(random, length === 1 ? 0 : 10 ** (length - 1), 10 ** length - 1);
}
