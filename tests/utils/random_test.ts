import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandom, deriveSeed, randomState, shuffled } from "../../src/utils/random.ts";
import { decode } from "../../src/utils/json.ts";

/** The first outputs of the authors' C code from the state 1, 2, 3, 4 (recomputed with exact integers in Python). */
const REFERENCE = [
  11520,
  0,
  5927040,
  70819200,
  2031721883,
  1637235492,
  1287239034,
  3734860849,
  3729100597,
  4258142804,
];

Deno.test("createRandom() gives the words of the reference implementation of xoshiro128**", () => {
  const random = createRandom({ words: [1, 2, 3, 4], spareNormal: null });
  assert.deepEqual(REFERENCE.map(() => random.integer(2 ** 32)), REFERENCE);
});

Deno.test("createRandom() continues from a saved state as if nothing had happened", () => {
  fc.assert(fc.property(fc.maxSafeInteger(), fc.nat(20), (seed, steps) => {
    const random = createRandom(seed);
    for (let i = 0; i < steps; i++) random.normal();
    const saved: unknown = JSON.parse(JSON.stringify(random.state()));
    const copy = createRandom(decode(randomState(), saved, "state"));
    for (let i = 0; i < 5; i++) {
      assert.equal(copy.normal(), random.normal());
      assert.equal(copy.next(), random.next());
    }
  }));
});

Deno.test("next() is uniform and normal() has mean 0, variance 1 and normal tails", () => {
  const random = createRandom(42);
  const count = 200_000;
  let uniformSum = 0;
  let sum = 0;
  let squares = 0;
  let beyond = 0;
  for (let i = 0; i < count; i++) {
    const uniform = random.next();
    assert.ok(uniform >= 0 && uniform < 1);
    uniformSum += uniform;
    const normal = random.normal();
    sum += normal;
    squares += normal ** 2;
    if (Math.abs(normal) > 1.96) beyond++;
  }
  assert.ok(Math.abs(uniformSum / count - 0.5) < 0.003);
  assert.ok(Math.abs(sum / count) < 0.01);
  assert.ok(Math.abs(squares / count - 1) < 0.015);
  assert.ok(Math.abs(beyond / count - 0.05) < 0.002);
});

Deno.test("integer() gives each number equally often", () => {
  const random = createRandom(7);
  const counts = new Uint32Array(6);
  for (let i = 0; i < 60_000; i++) counts[random.integer(6)]!++;
  // chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand seeds
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(chiSquare < 20.5, String(chiSquare));
  assert.throws(() => random.integer(0), RangeError);
});

Deno.test("shuffled() is a permutation, each one equally likely", () => {
  fc.assert(fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
    const result = shuffled(items, createRandom(seed));
    assert.deepEqual(result.toSorted((a, b) => a - b), items.toSorted((a, b) => a - b));
  }));
  const random = createRandom(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < 24_000; i++) {
    const order = shuffled("abcd", random).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 150, `${order} ${count}`);
});

Deno.test("deriveSeed() separates neighbouring seeds and indices", () => {
  const seeds = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    for (let index = 0; index < 50; index++) seeds.add(deriveSeed(seed, index));
  }
  assert.equal(seeds.size, 2500);
});

Deno.test("randomState() refuses a state that no generator has", () => {
  const words = [1, 2, 3, 4];
  for (const state of [{ words }, { words: [0, 0, 0, 0], spareNormal: null }, { words: [1] }]) {
    assert.throws(() => decode(randomState(), state, "trainer_state.json"), /trainer_state.json/);
  }
});
