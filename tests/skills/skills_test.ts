import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createRandom,
  formatRow,
  generateItems,
  ROW_FORMATS,
  type Skill,
  SKILLS,
} from "../../src/skills/mod.ts";

function levelsOf(skill: Skill): number[] {
  return Array.from({ length: skill.levels }, (_, i) => i + 1);
}

for (const [name, skill] of Object.entries(SKILLS)) {
  Deno.test(`${name}: generate() gives the same items for the same seed`, () => {
    for (const level of levelsOf(skill)) {
      const make = (seed: number) => {
        const random = createRandom(seed);
        return Array.from({ length: 5 }, () => skill.generate(random, level));
      };
      assert.deepEqual(make(7), make(7));
      assert.notDeepEqual(make(7), make(8));
    }
  });

  Deno.test(`${name}: score() finds the answer of every item right`, () => {
    for (const level of levelsOf(skill)) {
      const random = createRandom(level);
      for (let i = 0; i < 30; i++) {
        const item = skill.generate(random, level);
        assert.deepEqual(skill.score(item, item.answer), { correct: true, reason: "correct" });
      }
    }
  });

  Deno.test(`${name}: score() finds the answers of other questions wrong`, () => {
    for (const level of levelsOf(skill)) {
      const items = [...generateItems(skill, { count: 10, seed: level, level })];
      for (const item of items) {
        for (const other of items) {
          if (other.answer === item.answer || other.answer.length > 80) continue;
          const { correct, reason } = skill.score(item, other.answer);
          assert.equal(correct, false, `${item.prompt} ${other.answer}`);
          assert.ok(reason.length > 0);
        }
        for (const text of ["", "?", item.answer.slice(0, -1), `${item.answer} ${item.answer}.x`]) {
          assert.equal(skill.score(item, text).correct, false, `${item.prompt} ${text}`);
        }
      }
    }
  });

  Deno.test(`${name}: score() has a verdict on any text`, () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.json().map((json) => `{"solutions": ${json}, "unused_tiles": []}`),
      fc.json().map((json) => `{"solutions": [${json}], "unused_tiles": ${json}}`),
      fc.constantFrom("5", "null", "[]", '{"solutions":null}', "\uD800", "[".repeat(10_000)),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: skill.levels }), (given, level) => {
        const item = skill.generate(createRandom(1), level);
        assert.equal(typeof skill.score(item, given).correct, "boolean");
      }),
      { numRuns: 200 },
    );
  });

  Deno.test(`${name}: generate() refuses levels that do not exist`, () => {
    for (const level of [0, skill.levels + 1, 1.5, NaN]) {
      assert.throws(() => skill.generate(createRandom(1), level), /level must be from 1 to/);
    }
  });
}

Deno.test("generateItems() gives items that all differ", () => {
  for (const skill of Object.values(SKILLS)) {
    const items = [...generateItems(skill, { count: 300, seed: 1, level: skill.levels })];
    assert.equal(items.length, 300);
    assert.equal(new Set(items.map((item) => JSON.stringify(formatRow(item, "text")))).size, 300);
  }
});

Deno.test("generateItems() says when a level has no more items", () => {
  const { binary_arithmetic: skill } = SKILLS;
  assert.throws(
    () => [...generateItems(skill!, { count: 1000, seed: 1, level: 1 })],
    /Cannot generate 1000 rows of "binary_arithmetic": level 1 has only about \d+ different ones/,
  );
});

Deno.test("formatRow() writes rows with the keys of their format alone", () => {
  const item = {
    history: [
      { role: "user", content: "Hi!" },
      { role: "assistant", content: "Hello." },
    ],
    prompt: "1 + 1?",
    answer: "2",
  } as const;
  const rows = Object.fromEntries(ROW_FORMATS.map((format) => [format, formatRow(item, format)]));
  assert.deepEqual(rows, {
    messages: {
      messages: [
        ...item.history,
        { role: "user", content: "1 + 1?" },
        { role: "assistant", content: "2" },
      ],
    },
    "prompt-completion": { prompt: "Hi!\nHello.\n1 + 1?\n", completion: "2" },
    text: { text: "Hi!\nHello.\n1 + 1?\n2" },
  });
});
