/**
 * SYLLO: words are put together from syllable tiles, one for each clue.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, sample, shuffled } from "./choice.ts";
import { checkLevel, CORRECT, incorrect, type Score, type Skill, type SkillItem } from "./skill.ts";
import { SYLLO_WORDS, type SylloWord } from "./syllo_words.ts";

/** A puzzle. */
export interface SylloItem extends SkillItem {
  /** The words, in the order of the clues. */
  readonly words: readonly SylloWord[];
  /** All tiles, in the order shown. */
  readonly tiles: readonly string[];
  /** Tiles that belong to no word. */
  readonly redHerrings: readonly string[];
}

interface Difficulty {
  readonly words: readonly [min: number, max: number];
  readonly syllables: readonly [min: number, max: number];
  readonly redHerrings: readonly [min: number, max: number];
}

const LEVELS: readonly Difficulty[] = [
  { words: [4, 4], syllables: [2, 3], redHerrings: [0, 0] },
  { words: [4, 5], syllables: [2, 3], redHerrings: [0, 0] },
  { words: [5, 5], syllables: [2, 4], redHerrings: [0, 0] },
  { words: [5, 6], syllables: [3, 4], redHerrings: [0, 1] },
  { words: [6, 6], syllables: [3, 5], redHerrings: [1, 2] },
  { words: [6, 7], syllables: [3, 5], redHerrings: [1, 2] },
  { words: [7, 7], syllables: [4, 5], redHerrings: [2, 3] },
  { words: [7, 8], syllables: [4, 6], redHerrings: [3, 4] },
  { words: [8, 9], syllables: [4, 6], redHerrings: [4, 5] },
  { words: [9, 10], syllables: [4, 6], redHerrings: [5, 6] },
];

/** Puzzles of 4 to 10 words; no word of the list but the answers can be put together from their tiles. */
export const syllo: Skill<SylloItem> = {
  name: "syllo",
  description: "Puzzles: words put together from syllable tiles, one for each clue",
  levels: LEVELS.length,

  generate(random, level) {
    checkLevel(syllo, level);
    while (true) {
      const item = createPuzzle(random, LEVELS[level - 1]!);
      if (isUnique(item)) return item;
    }
  },

  score(item, text) {
    let given: unknown;
    try {
      given = JSON.parse(text);
    } catch {
      return incorrect("the answer is not JSON alone");
    }
    return scorePayload(item, given);
  },
};

/** Returns the words of the list that can be put together from `tiles`, each tile used once. */
export function buildableWords(tiles: readonly string[]): SylloWord[] {
  const available = countTiles(tiles);
  return SYLLO_WORDS.filter(({ syllables }) =>
    [...countTiles(syllables)].every(([tile, count]) => (available.get(tile) ?? 0) >= count)
  );
}

function createPuzzle(random: Random, difficulty: Difficulty): SylloItem {
  const [min, max] = difficulty.syllables;
  const fitting = SYLLO_WORDS.filter(({ syllables: { length } }) => length >= min && length <= max);
  const words = sample(random, fitting, between(random, ...difficulty.words));
  const used = words.flatMap(({ syllables }) => syllables);
  const others = [...new Set(SYLLO_WORDS.flatMap(({ syllables }) => syllables))]
    .filter((tile) => !used.includes(tile));
  const redHerrings = sample(random, others, between(random, ...difficulty.redHerrings));
  const tiles = shuffled(random, [...used, ...redHerrings]);
  const unused = tiles.filter((tile) => redHerrings.includes(tile));
  const solutions = words.map(({ syllables }, i) => ({
    ans_num: i + 1,
    syllables,
    answer: syllables.join("").toUpperCase(),
  }));
  return {
    history: [],
    prompt: writePrompt(words, tiles, redHerrings.length),
    answer: JSON.stringify({ solutions, unused_tiles: unused }),
    words,
    tiles,
    redHerrings: unused,
  };
}

function isUnique(item: SylloItem): boolean {
  return buildableWords(item.tiles).length === item.words.length;
}

function writePrompt(
  words: readonly SylloWord[],
  tiles: readonly string[],
  redHerrings: number,
): string {
  const left = redHerrings === 0
    ? "Use every tile exactly once."
    : `Use every tile at most once; ${redHerrings} of them ${
      redHerrings === 1 ? "belongs" : "belong"
    } to no word.`;
  return [
    `SYLLO puzzle: put together ${words.length} words from syllable tiles, one for each clue. ${left}`,
    "",
    ...words.map(({ syllables, clue }, i) =>
      `${i + 1}. ${syllables.map(() => "___").join(" ")} - ${clue}`
    ),
    "",
    `Tiles: ${tiles.join(" | ")}`,
    "",
    "Answer with one JSON object and nothing else. Its keys are `solutions`, a list in the order of the clues with " +
    "`ans_num`, `syllables` and the `answer` in capital letters, and `unused_tiles`, a list.",
  ].join("\n");
}

function scorePayload(item: SylloItem, given: unknown): Score {
  if (!hasKeys(given, ["solutions", "unused_tiles"])) {
    return incorrect(
      "the answer is not an object with the keys `solutions` and `unused_tiles` alone",
    );
  }
  const { solutions, unused_tiles: unused } = given;
  if (!Array.isArray(solutions) || solutions.length !== item.words.length) {
    return incorrect(`\`solutions\` is not a list of ${item.words.length}`);
  }
  for (const [i, { syllables }] of item.words.entries()) {
    const clue = `clue ${i + 1}`;
    const solution: unknown = solutions[i];
    if (!hasKeys(solution, ["ans_num", "syllables", "answer"])) {
      return incorrect(
        `${clue}: not an object with the keys \`ans_num\`, \`syllables\`, \`answer\` alone`,
      );
    }
    if (solution.ans_num !== i + 1) return incorrect(`${clue}: wrong \`ans_num\``);
    const answer = syllables.join("").toUpperCase();
    if (solution.answer !== answer) return incorrect(`${clue}: the word is ${answer}`);
    if (!isList(solution.syllables, syllables)) {
      return incorrect(`${clue}: the syllables are ${syllables.join(" ")}`);
    }
  }
  const isUnusedRight = Array.isArray(unused) &&
    unused.every((tile) => typeof tile === "string") &&
    isList(unused.toSorted(), item.redHerrings.toSorted());
  return isUnusedRight ? CORRECT : incorrect("`unused_tiles` are not the tiles left over");
}

function hasKeys(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const own = Object.keys(value);
  return own.length === keys.length && keys.every((key) => own.includes(key));
}

function isList(value: unknown, wanted: readonly string[]): boolean {
  return Array.isArray(value) && value.length === wanted.length &&
    wanted.every((each, i) => value[i] === each);
}

function countTiles(tiles: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const tile of tiles) counts.set(tile, (counts.get(tile) ?? 0) + 1);
  return counts;
}
