import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { watchHeap } from "../../src/utils/heap_watch.ts";

Deno.test("watchHeap() collects when so much has come together since the last time, and not before", async () => {
  let [used, collected] = [1000, 0];
  const collect = () => {
    collected++;
    used = 1200; // some of it is held
  };
  using watch = watchHeap({ bytes: 500, usedBytes: () => used, collect, intervalMs: 1 });
  const after = async (bytes: number): Promise<number> => {
    used = bytes;
    await setTimeout(30);
    return collected;
  };
  assert.equal(await after(1400), 0);
  assert.equal(await after(1600), 1);
  assert.equal(await after(1600), 1, "what is held counts as what there is at least");
  assert.equal(await after(1701), 2);
  watch[Symbol.dispose]();
  assert.equal(await after(9000), 2);
});

Deno.test("watchHeap() frees what nobody holds", async () => {
  const heap = () => Deno.memoryUsage().heapUsed;
  using _watch = watchHeap({ bytes: 2 ** 24, intervalMs: 5 });
  const before = heap();
  let most = 0;
  for (let i = 0; i < 60; i++) {
    const garbage = Array.from({ length: 100_000 }, (_, at) => ({ at }));
    most = Math.max(most, heap() - garbage.length);
    await setTimeout(6);
  }
  await setTimeout(30);
  assert.ok(heap() - before < 2 ** 25, `${heap() - before} of at most ${most - before}`);
});
