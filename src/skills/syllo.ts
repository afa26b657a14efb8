/**
 * SYLLO: words are put together from syllable tiles, one for each clue.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick, sample, shuffled } from "./choice.ts";
import { jsonDifference } from "./json_difference.ts";
import { checkLevel, CORRECT, incorrect, type Score, type Skill, type SkillItem } from "./skill.ts";
import { SHAPE_RULES, SYLLO_SHAPES, type SylloAnswer, type SylloShape } from "./syllo_shapes.ts";
import { SYLLO_WORDS, type SylloWord } from "./syllo_words.ts";

/** A puzzle. */
export interface SylloItem extends SkillItem {
  /** The words, in the order of the clues. */
  readonly words: readonly SylloWord[];
  /** All tiles, in the order shown. */
  readonly tiles: readonly string[];
  /** Tiles that belong to no word. */
  readonly redHerrings: readonly string[];
  /** The form that the answer must have. */
  readonly shape: SylloShape;
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

  score({ words, tiles, redHerrings, shape }, text) {
    const answer = { words: words.map(({ syllables }) => syllables), tiles, unused: redHerrings };
    return scoreSyllo(text, answer, shape);
  },
};

/** Lists in which the order of entries says nothing. */
const UNORDERED: ReadonlySet<string> = new Set(["unused_tiles", "inventory_vector"]);

/**
 * Marks the answer to a puzzle: it must be JSON of the form asked for and nothing else, with every word at its clue, the
 * syllables of each in order, and right in what it says about tiles.
 */
export function scoreSyllo(text: string, answer: SylloAnswer, shape: SylloShape): Score {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return incorrect("the answer is not JSON alone");
  }
  const found = jsonDifference(given, SHAPE_RULES[shape].write(answer), UNORDERED);
  return found === undefined ? CORRECT : incorrect(found);
}

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
  const shape = pick(random, SYLLO_SHAPES);
  const answer = { words: words.map(({ syllables }) => syllables), tiles, unused };
  return {
    history: [],
    prompt: writePrompt({ words, tiles, shape, redHerrings: redHerrings.length }),
    answer: JSON.stringify(SHAPE_RULES[shape].write(answer)),
    words,
    tiles,
    redHerrings: unused,
    shape,
  };
}

function isUnique(item: SylloItem): boolean {
  return buildableWords(item.tiles).length === item.words.length;
}

function writePrompt({ words, tiles, redHerrings, shape }: {
  readonly words: readonly SylloWord[];
  readonly tiles: readonly string[];
  readonly redHerrings: number;
  readonly shape: SylloShape;
}): string {
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
    `Answer with JSON and nothing else: ${SHAPE_RULES[shape].instruction}.`,
  ].join("\n");
}

function countTiles(tiles: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const tile of tiles) counts.set(tile, (counts.get(tile) ?? 0) + 1);
  return counts;
}
