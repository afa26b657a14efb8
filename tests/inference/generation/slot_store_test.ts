import assert from "node:assert/strict";
import { SlotStore } from "../../../src/inference/generation/slot_store.ts";
import type { LanguageModel } from "../../../src/models/language_model.ts";

const MODEL = { numLayers: 2, numKeyValueHeads: 2, headDim: 4 } as LanguageModel;

/** Keys and values of some tokens, each number another. */
function block(tokens: number, start: number): Float32Array {
  return Float32Array.from({ length: 2 * 2 * 2 * 4 * tokens }, (_, i) => start + i);
}

Deno.test("SlotStore.trim() gives the room of a long sequence back when it has gone, and keeps the others", () => {
  const store = new SlotStore(MODEL, { growth: 1.125 });
  const [short, long] = [store.open(), store.open()];
  store.append(short, block(70, 0));
  store.append(long, block(500, 9000));
  store.trim(71);
  assert.equal(store.capacity, 512, "it is still there");
  store.release(long);
  store.trim(500);
  assert.equal(store.capacity, 512, "the next is as long");
  store.trim(71);
  assert.equal(store.capacity, 128);
  assert.deepEqual(store.read(short, { start: 0, end: 70 }), block(70, 0));
});

Deno.test("SlotStore.trim() leaves room that growing would soon take again", () => {
  const store = new SlotStore(MODEL, { growth: 1.125 });
  const sequence = store.open();
  const capacities = new Set<number>();
  for (let length = 0; length < 400; length++) {
    store.trim(length + 1);
    store.reserve(length + 1);
    store.append(sequence, block(1, length));
    capacities.add(store.capacity);
  }
  const grown = [...capacities];
  assert.deepEqual(grown, grown.toSorted((a, b) => a - b));
  assert.ok(grown.length < 8, `${grown}`);
});

Deno.test("SlotStore.takeOver() finds what a run wrote where the slots lay before others were opened", () => {
  const store = new SlotStore(MODEL, { growth: 1.5 });
  const sequence = store.open();
  store.append(sequence, block(3, 0));
  const { layout } = store;
  const slot = sequence.slot;
  for (let i = 0; i < 5; i++) store.open();
  assert.notEqual(store.layout, layout);
  // The run writes two tokens, as it was told before.
  const numbers = block(2, 5000);
  for (let part = 0; part < 8; part++) {
    const at = ((slot * 2 + part % 2) * layout.capacity + 3) * 4;
    layout.arrays[part >> 1]!.set(numbers.subarray(part * 8, (part + 1) * 8), at);
  }
  store.takeOver(sequence, { layout, slot, count: 2 });
  assert.deepEqual(store.read(sequence, { start: 0, end: 3 }), block(3, 0));
  assert.deepEqual(store.read(sequence, { start: 3, end: 5 }), numbers);
});

Deno.test("SlotStore.compact() moves nothing while a run reads it", async () => {
  const store = new SlotStore(MODEL, { growth: 1.5 });
  const [first, second] = [store.open(), store.open()];
  store.append(second, block(100, 0));
  store.release(first);
  await store.during(() => {
    store.compact(1);
    assert.equal(second.slot, 1);
    return Promise.resolve();
  });
  store.compact(1);
  assert.equal(second.slot, 0);
  assert.deepEqual(store.read(second, { start: 0, end: 100 }), block(100, 0));
});
