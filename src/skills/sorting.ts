/**
 * Sorting numbers and words.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick, sample, shuffled } from "./choice.ts";
import { scoreShortAnswer } from "./short_answer.ts";
import { checkLevel, type Skill, type SkillItem } from "./skill.ts";
import { SYLLO_WORDS } from "./syllo_words.ts";

/** A list to sort. */
export interface SortingItem extends SkillItem {
  /** The list in the order in which it is shown. */
  readonly list: readonly (number | string)[];
}

interface Level {
  readonly length: readonly [min: number, max: number];
  readonly digits: number;
  readonly negative: boolean;
  readonly kinds: readonly ("numbers" | "words")[];
}

const NUMBERS = ["numbers"] as const;
const BOTH = ["numbers", "words"] as const;

const LEVELS: readonly Level[] = [
  { length: [3, 3], digits: 1, negative: false, kinds: NUMBERS },
  { length: [3, 4], digits: 2, negative: false, kinds: NUMBERS },
  { length: [4, 5], digits: 2, negative: false, kinds: BOTH },
  { length: [5, 6], digits: 3, negative: false, kinds: BOTH },
  { length: [6, 7], digits: 3, negative: true, kinds: BOTH },
  { length: [7, 8], digits: 3, negative: true, kinds: BOTH },
  { length: [8, 10], digits: 4, negative: true, kinds: BOTH },
  { length: [10, 12], digits: 4, negative: true, kinds: BOTH },
  { length: [12, 15], digits: 5, negative: true, kinds: BOTH },
  { length: [15, 20], digits: 5, negative: true, kinds: BOTH },
];

const WORDS: readonly string[] = SYLLO_WORDS.map(({ syllables }) => syllables.join(""));

/** Numbers in rising or falling order, words in alphabetical order. */
export const sorting: Skill<SortingItem> = {
  name: "sorting",
  description: "Lists of numbers and words in order",
  levels: LEVELS.length,

  generate(random, level) {
    checkLevel(sorting, level);
    const { length, kinds, ...rules } = LEVELS[level - 1]!;
    const count = between(random, ...length);
    if (pick(random, kinds) === "words") {
      const list = sample(random, WORDS, count);
      return item(list, { sorted: list.toSorted(), order: "alphabetical order" });
    }
    const list = shuffled(random, distinctNumbers(random, count, rules));
    const rising = list.toSorted((a, b) => a - b);
    return random.integer(2) === 0
      ? item(list, { sorted: rising, order: "rising order" })
      : item(list, { sorted: rising.toReversed(), order: "falling order" });
  },

  score: ({ answer }, text) => scoreShortAnswer(text, { answer, form: /^[-\w]+(, [-\w]+)*$/ }),
};

function item(
  list: readonly (number | string)[],
  { sorted, order }: { readonly sorted: readonly (number | string)[]; readonly order: string },
): SortingItem {
  return {
    history: [],
    prompt: `Sort in ${order}: ${list.join(", ")}. Answer with the list only, separated by ", ".`,
    answer: sorted.join(", "),
    list,
  };
}

function distinctNumbers(
  random: Random,
  count: number,
  { digits, negative }: Pick<Level, "digits" | "negative">,
): number[] {
  const found = new Set<number>();
  while (found.size < count) {
    const value = random.integer(10 ** digits);
    found.add(negative && value > 0 && random.integer(2) === 0 ? -value : value);
  }
  return [...found];
}
