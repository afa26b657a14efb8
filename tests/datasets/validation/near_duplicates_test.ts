import assert from "node:assert/strict";
import { createNearDuplicateIndex } from "../../../src/datasets/validation/near_duplicates.ts";
import { createRandom } from "../../../src/utils/random.ts";

const WORDS = "river stone window paper green quick silent copper basket winter garden signal"
  .split(" ");

/** Shares of 5-grams in common, counted. */
function jaccard(a: string, b: string): number {
  const grams = (text: string) =>
    new Set(Array.from({ length: text.length - 4 }, (_, i) => text.slice(i, i + 5)));
  const [left, right] = [grams(a), grams(b)];
  const shared = [...left].filter((gram) => right.has(gram)).length;
  return shared / (left.size + right.size - shared);
}

Deno.test("createNearDuplicateIndex() finds what brute force finds alike, and estimates how much", () => {
  const random = createRandom(7);
  const word = () => WORDS[random.integer(WORDS.length)]!;
  let found = 0;
  for (let trial = 0; trial < 200; trial++) {
    const index = createNearDuplicateIndex();
    const words = Array.from({ length: 60 }, () => `${word()}${word()}`);
    const changed = words.with(random.integer(60), "different");
    const [text, other] = [words.join(" "), changed.join(" ")];
    assert.equal(index.add(text, 1), undefined);
    const similarity = jaccard(text, other);
    assert.ok(similarity > 0.9, String(similarity));
    const match = index.find(other);
    if (match === undefined) continue;
    found++;
    assert.equal(match.value, 1);
    assert.ok(Math.abs(match.similarity - similarity) < 0.2, `${match.similarity} ${similarity}`);
  }
  assert.ok(found >= 190, `${found} of 200`);
});

Deno.test("createNearDuplicateIndex() takes case and punctuation for nothing, numbers for much", () => {
  const index = createNearDuplicateIndex();
  const text = "How many apples are left when 12 of 30 apples have been eaten by the children?";
  assert.equal(index.add(text, 5), undefined);
  assert.deepEqual(index.find(text.toUpperCase().replaceAll(" ", "  ")), {
    value: 5,
    similarity: 1,
  });
  assert.equal(index.find(text.replace("12", "13")), undefined);
  assert.equal(index.find("short"), undefined);
});

Deno.test("createNearDuplicateIndex() finds nothing in texts that have little in common", () => {
  const random = createRandom(3);
  const index = createNearDuplicateIndex({ maxTexts: 500 });
  const letters = () => String.fromCharCode(97 + random.integer(26));
  for (let i = 0; i < 600; i++) {
    const text = Array.from({ length: 200 }, letters).join("");
    assert.equal(index.add(text, i), undefined);
  }
  assert.equal(index.isFull, true);
});
