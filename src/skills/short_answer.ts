/**
 * Marks answers of a few characters.
 *
 * @module
 */

import { CORRECT, incorrect, type Score } from "./skill.ts";

/** What is right, and what an answer looks like. */
export interface ShortAnswer {
  /** The right answer. */
  readonly answer: string;
  /** What any answer of that kind looks like: tells a wrong result from a wrong form. */
  readonly form: RegExp;
}

/** Marks `text`, of which white space around the answer does not count. */
export function scoreShortAnswer(text: string, { answer, form }: ShortAnswer): Score {
  const given = text.trim();
  if (given === answer) return CORRECT;
  if (given === "") return incorrect("no answer");
  return form.test(given)
    ? incorrect(`the answer is ${answer}, not ${given.slice(0, 80)}`)
    : incorrect("the answer is not the result alone");
}
