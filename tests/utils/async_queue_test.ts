import assert from "node:assert/strict";
import { createAsyncQueue } from "../../src/utils/async_queue.ts";

Deno.test("createAsyncQueue() gives items in order, before and after the consumer waits", async () => {
  const queue = createAsyncQueue<number>();
  queue.push(1);
  queueMicrotask(() => {
    queue.push(2);
    queue.push(3);
    queue.end();
    queue.push(4);
  });
  assert.deepEqual(await Array.fromAsync(queue), [1, 2, 3]);
});

Deno.test("createAsyncQueue() throws its failure after the items that were there", async () => {
  const queue = createAsyncQueue<number>();
  queue.push(1);
  queue.fail(new RangeError("over"));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of queue) seen.push(item);
  }, RangeError);
  assert.deepEqual(seen, [1]);
});

Deno.test("createAsyncQueue() says when the consumer leaves early, and only then", async () => {
  let abandoned = 0;
  const left = createAsyncQueue<number>({ onAbandon: () => abandoned++ });
  left.push(1);
  left.push(2);
  for await (const _ of left) break;
  assert.equal(abandoned, 1);
  const finished = createAsyncQueue<number>({ onAbandon: () => abandoned++ });
  finished.end();
  for await (const _ of finished) assert.fail("it is empty");
  assert.equal(abandoned, 1);
});
