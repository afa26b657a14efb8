import assert from "node:assert/strict";
import { createLocalService } from "../../src/inference/local_service.ts";
import type { CompletionRequest, InferenceService } from "../../src/inference/service.ts";
import { openWorkerService } from "../../src/inference/worker_service.ts";
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

interface OpenOptions {
  readonly onCrash?: (error: Error) => void;
}

async function open(folder: string, options: OpenOptions = {}): Promise<InferenceService> {
  const createWorker = () =>
    new Worker(new URL("./toy_worker.ts", import.meta.url), { type: "module" });
  const load = { folder, device: "auto", limits: { maxQueue: 2 } } as const;
  return await openWorkerService({ createWorker, load, ...options });
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

Deno.test("openWorkerService() fails running requests when the worker crashes, and starts it again once", async () => {
  const crashes: string[] = [];
  let crashed = Promise.withResolvers<void>();
  await using service = await open("crashing", {
    onCrash(error) {
      crashes.push(error.message);
      crashed.resolve();
    },
  });
  await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
  await crashed.promise;
  assert.equal(service.isAvailable, false);
  await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
  while (!service.isAvailable) await new Promise((resolve) => setTimeout(resolve, 1));
  crashed = Promise.withResolvers<void>();
  await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
  await crashed.promise;
  assert.equal(crashes.length, 2);
  assert.match(crashes[0]!, /bang/);
  assert.equal(service.isAvailable, false);
});

Deno.test("openWorkerService() takes a decoder that fails at everything for a crash", async () => {
  const crashed = Promise.withResolvers<Error>();
  await using service = await open("broken", { onCrash: crashed.resolve });
  await assert.rejects(answer(service, REQUEST), /the device is lost/);
  assert.match((await crashed.promise).message, /the device is lost/);
});
