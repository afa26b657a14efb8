import assert from "node:assert/strict";
import { SuffixLookup } from "../../../src/inference/generation/suffix_lookup.ts";
import { createRandom } from "../../../src/utils/random.ts";

const CHEAP = { count: 8, cost: 0.08 };

function lookupOf(...texts: readonly (readonly number[])[]): SuffixLookup {
  const lookup = new SuffixLookup();
  for (const ids of texts) lookup.learn(ids, { start: 0, written: 0 });
  return lookup;
}

Deno.test("SuffixLookup guesses what followed the same words in another text", () => {
  const lookup = lookupOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(lookup.guess([90, 3, 4, 5, 6], { count: 3, cost: 0.01 }), [7, 8, 9]);
  assert.deepEqual(lookup.guess([90, 91, 92], CHEAP), []);
});

Deno.test("SuffixLookup follows the longest end where shorter ones have gone on otherwise", () => {
  const often = [5, 6, 7];
  const lookup = lookupOf(...Array(5).fill(often), [1, 2, 3, 4, 5, 6, 8], [1, 2, 3, 4, 5, 6, 8]);
  assert.equal(lookup.guess([1, 2, 3, 4, 5, 6], { count: 1, cost: 0 })[0], 8);
  assert.equal(lookup.guess([90, 91, 5, 6], { count: 1, cost: 0 })[0], 7);
});

Deno.test("SuffixLookup takes what came last where it came as often as something before", () => {
  const lookup = lookupOf([1, 2, 3], [1, 2, 4], [1, 2, 4]);
  assert.equal(lookup.guess([1, 2], { count: 1, cost: 0 })[0], 4);
});

Deno.test("SuffixLookup guesses more the less a token costs, and nothing where guesses do not pay", () => {
  const random = createRandom(0);
  const text = Array.from({ length: 400 }, (_, i) => i % 8 < 6 ? i % 8 : random.integer(50));
  const lookup = lookupOf(text);
  const lengths = [0.001, 0.1, 0.3, 0.99].map((cost) =>
    lookup.guess(text.slice(0, 328), { count: 16, cost }).length
  );
  assert.deepEqual(lengths, lengths.toSorted((a, b) => b - a));
  assert.ok(lengths[0]! > lengths[2]! && lengths[2]! > 0, `${lengths}`);
  assert.equal(lengths.at(-1), 0);
});

/** Ids, each of which follows the one before by chance with `likelihood`, and else is random. */
function noisyText(likelihood: number, { seed }: { readonly seed: number }): number[] {
  const random = createRandom(seed);
  const ids = [0];
  while (ids.length < 4000) {
    const next = (ids.at(-1)! * 7 + 1) % 101;
    ids.push(random.next() < likelihood ? next : random.integer(101));
  }
  return ids;
}

Deno.test("SuffixLookup learns how often guesses are right, so that they hardly ever cost more than they save", () => {
  for (const likelihood of [0, 0.05, 0.2, 0.5, 0.9]) {
    const ids = noisyText(likelihood, { seed: 3 });
    const lookup = new SuffixLookup();
    const cost = 0.1;
    let [at, learned, time] = [1, 0, 0];
    while (at < ids.length) {
      lookup.learn(ids.slice(0, at), { start: learned, written: 0 });
      learned = at;
      const guesses = lookup.guess(ids.slice(0, at), { count: 8, cost });
      let right = 0;
      while (right < guesses.length && guesses[right] === ids[at + right]) right++;
      at += right + 1;
      time += 1 + cost * guesses.length;
    }
    const gain = ids.length / time;
    // The best that is to be had: as many guesses as pay at every token, each right with the same likelihood.
    const best = Math.max(
      ...Array.from({ length: 9 }, (_, count) => {
        const made = Array.from({ length: count + 1 }, (_, i) => likelihood ** i);
        return made.reduce((sum, x) => sum + x, 0) / (1 + cost * count);
      }),
    );
    assert.ok(gain > 0.9 * best, `${likelihood}: ${gain} of ${best}`);
  }
});

Deno.test("SuffixLookup does not grow: it keeps the newest of very many texts", () => {
  const random = createRandom(1);
  const old = Array.from({ length: 20 }, (_, i) => 1000 + i);
  const lookup = lookupOf(old);
  lookup.learn(Array.from({ length: 500_000 }, () => 2000 + random.integer(1_000_000)), {
    start: 0,
    written: Infinity,
  });
  assert.deepEqual(lookup.guess(old.slice(0, 10), CHEAP), []);
  lookup.learn(old, { start: 0, written: 0 });
  assert.equal(lookup.guess(old.slice(0, 10), { count: 4, cost: 0.01 }).length, 4);
});
