/**
 * Counting letters of words.
 *
 * @module
 */

import { between, pick, sample } from "./choice.ts";
import { scoreShortAnswer } from "./short_answer.ts";
import { checkLevel, type Skill, type SkillItem } from "./skill.ts";
import { SYLLO_WORDS } from "./syllo_words.ts";

/** A word or several, and the letter to count. */
export interface LetterCountingItem extends SkillItem {
  /** The text. */
  readonly text: string;
  /** The letter; empty where all letters are counted. */
  readonly letter: string;
}

/** Most letters of a word, how many words, and whether all letters are counted or one. */
const LEVELS: readonly (readonly [letters: number, words: number, one: boolean])[] = [
  [6, 1, false],
  [6, 1, true],
  [8, 1, true],
  [10, 1, true],
  [20, 1, true],
  [8, 2, true],
  [10, 3, true],
  [20, 4, true],
  [20, 6, true],
  [20, 8, true],
];

/** How many letters a word has, and how often one of them. */
export const letterCounting: Skill<LetterCountingItem> = {
  name: "letter_counting",
  description: "How many letters a word has, and how often one of them",
  levels: LEVELS.length,

  generate(random, level) {
    checkLevel(letterCounting, level);
    const [letters, words, one] = LEVELS[level - 1]!;
    const fitting = SYLLO_WORDS.map(({ syllables }) => syllables.join(""))
      .filter(({ length }) => length <= letters);
    const text = sample(random, fitting, words).join(" ");
    const present = [...new Set(text.replaceAll(" ", ""))];
    const absent = String.fromCharCode(between(random, 97, 122));
    const letter = !one ? "" : random.integer(4) === 0 ? absent : pick(random, present);
    const count = letter === "" ? text.replaceAll(" ", "").length : text.split(letter).length - 1;
    const what = letter === "" ? "How many letters are" : `How often is the letter "${letter}"`;
    return {
      history: [],
      prompt: `${what} in "${text}"? Answer with the number only.`,
      answer: String(count),
      text,
      letter,
    };
  },

  score: ({ answer }, text) => scoreShortAnswer(text, { answer, form: /^\d+$/ }),
};
