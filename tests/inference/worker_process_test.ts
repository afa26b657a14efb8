import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createLocalService } from "../../src/inference/local_service.ts";
import type { CompletionRequest, InferenceService } from "../../src/inference/service.ts";
import { startWorkerProcess } from "../../src/inference/worker_process.ts";
import {
  openWorkerService,
  type WorkerHandle,
  type WorkerServiceOptions,
} from "../../src/inference/worker_service.ts";
import { createToyModel } from "./toy_model.ts";

const REQUEST: CompletionRequest = {
  prompts: [{ kind: "text", text: "w" }, { kind: "ids", ids: [0x79] }],
  maxTokens: 20,
  sampling: { temperature: 0 },
  topLogprobs: 1,
  scorePrompt: true,
};
const ENDLESS: CompletionRequest = { prompts: [{ kind: "text", text: "a" }], ignoreEos: true };

const toyWorker = fileURLToPath(new URL("./toy_worker.ts", import.meta.url));

const startProcess = (...flags: string[]): WorkerHandle =>
  startWorkerProcess([Deno.execPath(), "run", "--quiet", "-A", ...flags, toyWorker]);

async function open(
  folder: string,
  options: Partial<WorkerServiceOptions> = {},
): Promise<InferenceService> {
  const load = { folder, device: "auto", limits: { maxQueue: 2 } } as const;
  return await openWorkerService({ createWorker: startProcess, load, ...options });
}

async function answer(service: InferenceService, request: CompletionRequest) {
  const { prompts, events } = await service.submit(request);
  return { prompts, events: await Array.fromAsync(events) };
}

async function untilAvailable(service: InferenceService): Promise<void> {
  while (!service.isAvailable) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("a worker's process gives what a service in this thread gives", async () => {
  await using worker = await open("toy");
  await using local = createLocalService(createToyModel({ maxPositions: 1e9 }));
  assert.deepEqual(worker.model, local.model);
  const [fromWorker, fromHere] = [await answer(worker, REQUEST), await answer(local, REQUEST)];
  assert.deepEqual(fromWorker.prompts, fromHere.prompts);
  const byChoice = (events: readonly { readonly index: number }[]) =>
    events.toSorted((a, b) => a.index - b.index);
  assert.deepEqual(byChoice(fromWorker.events), byChoice(fromHere.events));
});

Deno.test("a worker's process tells why a model cannot be loaded", async () => {
  await assert.rejects(open("missing"), { name: "UserError", message: /no such folder/ });
});

Deno.test("a process that ends before its model is there is an error that says so", async () => {
  const createWorker = () => startWorkerProcess([Deno.execPath(), "eval", "Deno.exit(7)"]);
  await assert.rejects(open("toy", { createWorker }), {
    name: "UserError",
    message: /^Cannot load "toy" as its worker failed: .* ended with status 7; if memory is short/,
  });
});

Deno.test("a worker's process that is killed fails what runs, and another one answers", async () => {
  const workers: WorkerHandle[] = [];
  const crashed = Promise.withResolvers<Error>();
  await using service = await open("toy", {
    onCrash: crashed.resolve,
    createWorker() {
      workers.push(startProcess());
      return workers.at(-1)!;
    },
  });
  const { events } = await service.submit(ENDLESS);
  for await (const event of events) {
    assert.equal(event.type, "output");
    break;
  }
  const running = [answer(service, ENDLESS), answer(service, ENDLESS)];
  workers[0]!.terminate();
  for (const each of running) await assert.rejects(each, { code: "unavailable" });
  assert.match((await crashed.promise).message, /ended by SIGKILL; its memory may have run out/);
  await untilAvailable(service);
  assert.equal((await answer(service, REQUEST)).events.at(-1)?.type, "end");
  assert.equal(workers.length, 2);
});

Deno.test("a worker whose memory runs out ends alone: what runs fails, and another one answers", async () => {
  const crashed = Promise.withResolvers<Error>();
  let isFirst = true;
  await using service = await open("hungry", {
    onCrash: crashed.resolve,
    createWorker() {
      if (isFirst) {
        isFirst = false;
        return startProcess("--v8-flags=--max-old-space-size=40");
      }
      return startProcess();
    },
  });
  await assert.rejects(answer(service, ENDLESS), { code: "unavailable" });
  assert.match((await crashed.promise).message, /memory may have run out/);
  await untilAvailable(service);
  const short = { ...REQUEST, prompts: [REQUEST.prompts[0]!], maxTokens: 1 };
  assert.equal((await answer(service, short)).events.at(-1)?.type, "end");
});
