import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BLOCK_TOKENS,
  PrefixCache,
  type PrefixKey,
  sharedBlocks,
} from "../../../src/inference/generation/prefix_cache.ts";

const BLOCK_BYTES = 8;

/** A text of blocks of one token each, over and over. */
function textOf(blocks: readonly number[], adapter?: string): PrefixKey {
  return { adapter, ids: blocks.flatMap((id) => new Array<number>(BLOCK_TOKENS).fill(id)) };
}

/** What {@linkcode PrefixCache} does, by a list of all beginnings that it knows. */
class Reference {
  #known: { name: string; data: Float32Array; isRead: boolean; usedAt: number }[] = [];
  #time = 0;

  constructor(readonly maxBlocks: number) {}

  find(text: PrefixKey, onlyRead: boolean): Float32Array[] {
    this.#time++;
    const found: Float32Array[] = [];
    let read = true;
    for (const name of beginnings(text, text.ids.length - 2)) {
      const known = this.#known.find((each) => each.name === name);
      if (known === undefined) break;
      known.usedAt = this.#time;
      read &&= known.isRead || !onlyRead;
      if (read) found.push(known.data);
    }
    return found;
  }

  add(text: PrefixKey, readTokens: number, dataOf: (block: number) => Float32Array): void {
    this.#time++;
    const names = beginnings(text, text.ids.length);
    let known = 0;
    while (known < names.length && this.#known.some(({ name }) => name === names[known])) known++;
    for (const [block, name] of names.entries()) {
      const isRead = (block + 1) * BLOCK_TOKENS <= readTokens;
      const one = this.#known.find((each) => each.name === name);
      if (block < known) {
        if (!one!.isRead && isRead) Object.assign(one!, { data: dataOf(block), isRead });
        one!.usedAt = this.#time;
        continue;
      }
      while (this.#known.length >= this.maxBlocks) {
        const ends = this.#known.filter(({ name }) =>
          name !== names[block - 1] &&
          !this.#known.some((other) => other.name !== name && other.name.startsWith(name))
        );
        if (ends.length === 0) return;
        const oldest = ends.reduce((a, b) => b.usedAt < a.usedAt ? b : a);
        this.#known = this.#known.filter((each) => each !== oldest);
      }
      if (this.maxBlocks === 0) return;
      this.#known.push({ name, data: dataOf(block), isRead, usedAt: this.#time });
    }
  }
}

/** Names of the beginnings of a text within `limit` tokens, of one block, of two and so on. */
function beginnings({ adapter, ids }: PrefixKey, limit: number): string[] {
  return Array.from(
    { length: Math.max(0, Math.floor(limit / BLOCK_TOKENS)) },
    (_, block) => `${adapter ?? ""}|${ids.slice(0, (block + 1) * BLOCK_TOKENS).join("|")}|`,
  );
}

Deno.test("PrefixCache finds and forgets what a list of all beginnings would", () => {
  const text = fc.tuple(
    fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 4 }),
    fc.constantFrom(undefined, "0", "french"),
    fc.integer({ min: 0, max: 3 }),
  ).map(([blocks, adapter, rest]): PrefixKey => {
    const { ids } = textOf(blocks, adapter);
    return { adapter, ids: [...ids, ...new Array<number>(rest).fill(0)] };
  });
  const step = fc.record({
    text,
    readTokens: fc.integer({ min: 0, max: 70 }),
    adds: fc.boolean(),
    onlyRead: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 0, max: 7 }),
      (steps, maxBlocks) => {
        const cache = new PrefixCache({ maxBytes: maxBlocks * BLOCK_BYTES });
        const reference = new Reference(maxBlocks);
        for (const [at, { text, readTokens, adds, onlyRead }] of steps.entries()) {
          if (adds) {
            // what is kept says when it was made and of which block
            const dataOf = (block: number) => Float32Array.of(at, block);
            cache.add(text, {
              readTokens,
              keysOf: ({ start }) => dataOf(start / BLOCK_TOKENS),
            });
            reference.add(text, readTokens, dataOf);
          } else {
            const { blocks } = cache.find(text, { onlyRead });
            assert.deepEqual(blocks, reference.find(text, onlyRead));
          }
          assert.ok(cache.counts.bytes <= maxBlocks * BLOCK_BYTES);
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("PrefixCache forgets what was not used for longest, ends of texts first", () => {
  const cache = new PrefixCache({ maxBytes: 3 * BLOCK_BYTES });
  const keysOf = () => new Float32Array(2);
  const [first, second, third] = [textOf([1, 1]), textOf([2]), textOf([3])];
  cache.add(first, { readTokens: 32, keysOf });
  cache.add(second, { readTokens: 16, keysOf });
  const lengthOf = ({ adapter, ids }: PrefixKey) =>
    cache.lengthOf({ adapter, ids: [...ids, 9, 9] }, { onlyRead: true });
  assert.equal(lengthOf(first), 32); // used after the second was
  cache.add(third, { readTokens: 16, keysOf });
  assert.deepEqual([first, second, third].map(lengthOf), [32, 0, 16]);
  cache.add(second, { readTokens: 16, keysOf });
  assert.deepEqual([first, second, third].map(lengthOf), [16, 16, 16]);
});

Deno.test("PrefixCache leaves the end of a text, and says what of it was read as a prompt", () => {
  const cache = new PrefixCache({ maxBytes: 1000 });
  const keysOf = ({ start }: { start: number }) => Float32Array.of(start, 0);
  const text = textOf([1, 2, 3]);
  cache.add(text, { readTokens: 40, keysOf });
  const start = (tokens: number) => ({ ...text, ids: text.ids.slice(0, tokens) });
  const lengthOf = (tokens: number) => cache.lengthOf(start(tokens), { onlyRead: false });
  assert.deepEqual([17, 18, 33, 34, 48].map(lengthOf), [0, 16, 16, 32, 32]);
  const longer = { ...text, ids: [...text.ids, 9, 9] };
  assert.equal(cache.find(longer, { onlyRead: false }).readTokens, 32);
  assert.equal(cache.find(longer, { onlyRead: false }).blocks.length, 3);
  assert.equal(cache.find(longer, { onlyRead: true }).blocks.length, 2);
  assert.deepEqual(cache.counts, { lookedUpTokens: 150, foundTokens: 128, bytes: 24 });
  // read as a prompt later, it is taken over with what that made
  cache.add(text, { readTokens: 48, keysOf: ({ start }) => Float32Array.of(start, 1) });
  const { blocks, readTokens } = cache.find(longer, { onlyRead: true });
  assert.equal(readTokens, 48);
  assert.deepEqual(blocks, [
    Float32Array.of(0, 0),
    Float32Array.of(16, 0),
    Float32Array.of(32, 1),
  ]);
});

Deno.test("sharedBlocks() counts whole blocks and leaves the end of the first prompt", () => {
  const { ids } = textOf([1, 2, 3]);
  assert.equal(sharedBlocks(ids, ids), 32);
  assert.equal(sharedBlocks([...ids, 4, 4], ids), 48);
  assert.equal(sharedBlocks(ids, [...ids.slice(0, 31), 9]), 16);
  assert.equal(sharedBlocks(ids, []), 0);
});
