import assert from "node:assert/strict";
import { createLocalService } from "../../src/inference/local_service.ts";
import type { CompletionRequest, InferenceService } from "../../src/inference/service.ts";
import {
  openWorkerService,
  type WorkerServiceOptions,
} from "../../src/inference/worker_service.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createToyModel } from "./toy_model.ts";

const REQUEST: CompletionRequest = {
  prompts: [{ kind: "text", text: "w" }, { kind: "ids", ids: [0x79] }],
  n: 2,
  maxTokens: 20,
  sampling: { temperature: 0 },
  topLogprobs: 1,
  scorePrompt: true,
};
const ENDLESS: CompletionRequest = { prompts: [{ kind: "text", text: "a" }], ignoreEos: true };

const startWorker = () =>
  new Worker(new URL("./toy_worker.ts", import.meta.url), { type: "module" });

async function open(
  folder: string,
  options: Partial<WorkerServiceOptions> = {},
): Promise<InferenceService> {
  const load = { folder, device: "auto", limits: { maxQueue: 2 } } as const;
  return await openWorkerService({ createWorker: startWorker, load, ...options });
}

async function answer(service: InferenceService, request: CompletionRequest) {
  const { prompts, events } = await service.submit(request);
  return { prompts, events: await Array.fromAsync(events) };
}

Deno.test("openWorkerService() gives what a service in this thread gives", async () => {
  await using worker = await open("toy");
  await using local = createLocalService(createToyModel({ maxPositions: 1e9 }));
  assert.deepEqual(worker.model, local.model);
  const [fromWorker, fromHere] = [await answer(worker, REQUEST), await answer(local, REQUEST)];
  assert.deepEqual(fromWorker.prompts, fromHere.prompts);
  const byChoice = (events: readonly { readonly index: number }[]) =>
    events.toSorted((a, b) => a.index - b.index);
  assert.deepEqual(byChoice(fromWorker.events), byChoice(fromHere.events));
});

Deno.test("openWorkerService() fails with the reason for which the model cannot be loaded", async () => {
  await assert.rejects(open("missing"), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /no such folder/);
    return true;
  });
});

Deno.test("openWorkerService() refuses what the worker refuses", async () => {
  await using service = await open("toy");
  await assert.rejects(answer(service, { prompts: [{ kind: "ids", ids: [1000] }] }), {
    name: "InferenceError",
    code: "invalid_prompt",
  });
});

Deno.test("openWorkerService() calls a request off when its reader leaves or its signal fires", async () => {
  await using service = await open("toy");
  const controller = new AbortController();
  const { signal } = controller;
  const [left, aborted] = await Promise.all([
    service.submit(ENDLESS),
    service.submit(ENDLESS, { signal }),
  ]);
  for await (const _ of left.events) break;
  await assert.rejects(async () => {
    for await (const _ of aborted.events) controller.abort(new TypeError("enough"));
  }, TypeError);
  assert.equal((await answer(service, REQUEST)).events.at(-1)?.type, "end");
});

async function untilAvailable(service: InferenceService): Promise<void> {
  while (!service.isAvailable) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("openWorkerService() fails running requests when the worker crashes, and starts it again and again", async () => {
  const crashes: string[] = [];
  let crashed = Promise.withResolvers<void>();
  await using service = await open("crashing", {
    onCrash(error) {
      crashes.push(error.message);
      crashed.resolve();
    },
  });
  for (let round = 1; round <= 3; round++) {
    await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
    await crashed.promise;
    crashed = Promise.withResolvers<void>();
    assert.equal(service.isAvailable, false);
    await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
    await untilAvailable(service);
    assert.equal(crashes.length, round);
  }
  assert.match(crashes[0]!, /bang/);
});

Deno.test("openWorkerService() misses a worker that was killed, fails its requests and starts another", async () => {
  const workers: Worker[] = [];
  const crashed = Promise.withResolvers<Error>();
  await using service = await open("toy", {
    onCrash: crashed.resolve,
    createWorker() {
      workers.push(startWorker());
      return workers.at(-1)!;
    },
  });
  const { events } = await service.submit(ENDLESS);
  for await (const event of events) {
    assert.equal(event.type, "output");
    break;
  }
  const running = answer(service, ENDLESS);
  workers[0]!.terminate();
  await assert.rejects(running, { code: "unavailable" });
  assert.match((await crashed.promise).message, /was killed/);
  await untilAvailable(service);
  assert.equal((await answer(service, REQUEST)).events.at(-1)?.type, "end");
  assert.equal(workers.length, 2);
});

Deno.test("openWorkerService() drains: what runs ends, what comes is refused", async () => {
  await using service = await open("toy");
  const { events } = await service.submit({ ...REQUEST, maxTokens: 20, ignoreEos: true });
  const drained = service.drain();
  await assert.rejects(service.submit(REQUEST), { code: "unavailable" });
  const made = await Array.fromAsync(events);
  assert.equal(made.filter(({ type }) => type === "end").length, 4);
  await drained;
});

Deno.test("openWorkerService() tells what the worker does", async () => {
  await using service = await open("toy");
  await answer(service, {
    prompts: [{ kind: "text", text: " " }],
    maxTokens: 5,
    sampling: { temperature: 0 },
  });
  const { generatedTokens, promptTokens, running, waiting } = await service.stats();
  assert.deepEqual([promptTokens, generatedTokens, running, waiting], [1, 5, 0, 0]);
});

Deno.test("openWorkerService() takes a decoder that fails at everything for a crash", async () => {
  const crashed = Promise.withResolvers<Error>();
  await using service = await open("broken", { onCrash: crashed.resolve });
  await assert.rejects(answer(service, REQUEST), /the device is lost/);
  assert.match((await crashed.promise).message, /the device is lost/);
});
