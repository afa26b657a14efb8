import assert from "node:assert/strict";
import {
  createRandom,
  syllo,
  SYLLO_SHAPES,
  type SylloItem,
  type SylloShape,
} from "../../src/skills/mod.ts";
import { buildableWords } from "../../src/skills/syllo.ts";
import { SYLLO_WORDS } from "../../src/skills/syllo_words.ts";

/** Scores the right answer after a change. */
function scoreChanged<T>(item: SylloItem, change: (payload: T) => unknown): boolean {
  const payload: T = JSON.parse(item.answer);
  const changed = change(payload);
  return syllo.score(item, JSON.stringify(changed ?? payload)).correct;
}

/** Returns a puzzle of a level whose answer has a form. */
function puzzleOf(shape: SylloShape, level: number): SylloItem {
  const random = createRandom(5);
  while (true) {
    const item = syllo.generate(random, level);
    if (item.shape === shape) return item;
  }
}

Deno.test("SYLLO_WORDS are distinct, with syllables and a clue that does not give the word away", () => {
  const words = SYLLO_WORDS.map(({ syllables }) => syllables.join(""));
  assert.equal(new Set(words).size, words.length);
  for (const { syllables, clue } of SYLLO_WORDS) {
    const word = syllables.join("");
    assert.ok(syllables.length >= 2 && syllables.length <= 6, word);
    assert.ok(syllables.every((syllable) => /^[a-z]+$/.test(syllable)), word);
    assert.ok(clue.length > 2 && !clue.toLowerCase().includes(word), word);
  }
});

Deno.test("syllo.generate() uses every tile once and leaves no other word to build", () => {
  for (let level = 1; level <= syllo.levels; level++) {
    const random = createRandom(level);
    for (let i = 0; i < 20; i++) {
      const item = syllo.generate(random, level);
      const used = item.words.flatMap(({ syllables }) => syllables);
      assert.deepEqual(item.tiles.toSorted(), [...used, ...item.redHerrings].toSorted());
      assert.ok(item.redHerrings.every((tile) => !used.includes(tile)));
      assert.deepEqual(
        buildableWords(item.tiles).toSorted(byClue),
        item.words.toSorted(byClue),
      );
      for (const { clue } of item.words) assert.ok(item.prompt.includes(clue));
      assert.ok(item.prompt.includes(item.tiles.join(" | ")));
      assert.ok(level > 3 || item.redHerrings.length === 0);
      assert.ok(level < 10 || (item.words.length >= 9 && item.redHerrings.length >= 5));
    }
  }
});

Deno.test("syllo.generate() asks for every form of answers, and says which", () => {
  const random = createRandom(3);
  const items = Array.from({ length: 200 }, () => syllo.generate(random, 4));
  assert.deepEqual(new Set(items.map(({ shape }) => shape)), new Set(SYLLO_SHAPES));
  for (const { prompt, answer } of items) {
    const json: unknown = JSON.parse(answer);
    const keys = Array.isArray(json) ? ["section", "data"] : Object.keys(json as object);
    for (const key of keys) assert.ok(prompt.includes(`\`${key}\``), prompt);
  }
});

Deno.test("syllo.score() demands order, syllables and form", () => {
  interface Payload {
    solutions: { ans_num: number; syllables: string[]; answer: string }[];
  }
  const item = puzzleOf("solutions_only", 7);
  assert.equal(scoreChanged<Payload>(item, (it) => it), true);
  const wrong: Readonly<Record<string, (payload: Payload) => unknown>> = {
    "words in another order": (it) => void it.solutions.reverse(),
    "numbered from 0": (it) => it.solutions.forEach((each) => each.ans_num--),
    "a word in lower case": (it) => {
      it.solutions[0]!.answer = it.solutions[0]!.answer.toLowerCase();
    },
    "syllables in another order": (it) => void it.solutions[1]!.syllables.reverse(),
    "a word missing": (it) => void it.solutions.pop(),
    "a word twice": (it) => void it.solutions.push(it.solutions[0]!),
    "another key": (it) => ({ ...it, note: "easy" }),
    "another key in a solution": (it) => void Object.assign(it.solutions[0]!, { sure: true }),
    "a list": (it) => [it],
  };
  for (const [title, change] of Object.entries(wrong)) {
    assert.equal(scoreChanged(item, change), false, title);
  }
  const bare = item.words.map(({ syllables }) => syllables.join("").toUpperCase()).join(" ");
  for (const text of [bare, `\`\`\`json\n${item.answer}\n\`\`\``, item.answer.slice(0, 300)]) {
    assert.equal(syllo.score(item, text).correct, false, text);
  }
});

Deno.test("syllo.score() demands what is said about tiles", () => {
  interface Sequence {
    unused_tiles: string[];
  }
  const sequence = puzzleOf("solutions_sequence", 9);
  assert.equal(scoreChanged<Sequence>(sequence, (it) => void it.unused_tiles.reverse()), true);
  assert.equal(scoreChanged<Sequence>(sequence, (it) => void it.unused_tiles.pop()), false);
  const letters = puzzleOf("solutions_by_letter", 9);
  const more = (it: { tile_totals: number }) => void it.tile_totals++;
  assert.equal(scoreChanged(letters, more), false);
  interface Vector {
    inventory_vector: [tile: string, used: number, there: number][];
  }
  const vector = puzzleOf("inventory_vector", 9);
  assert.equal(scoreChanged<Vector>(vector, (it) => void it.inventory_vector.reverse()), true);
  assert.equal(scoreChanged<Vector>(vector, (it) => void it.inventory_vector[0]![1]++), false);
});

function byClue(a: { readonly clue: string }, b: { readonly clue: string }): number {
  return a.clue < b.clue ? -1 : 1;
}
