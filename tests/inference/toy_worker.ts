/**
 * A worker with the toy model, as a thread or a process. The folder says how it behaves: `missing` cannot be loaded,
 * `crashing` throws outside of any request at the third call after it was loaded, `broken` fails at every call from then
 * on, `hungry` takes memory there until there is none.
 *
 * @module
 */

import type { LoadedModel } from "../../src/inference/generation/loaded_model.ts";
import { hostService, isWorkerScope } from "../../src/inference/worker_host.ts";
import { hostProcess } from "../../src/inference/worker_process.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createToyModel } from "./toy_model.ts";

let steps = 0;

/** Calls with which a model is warmed up. */
const FIRST_CALLS = 3;

function loadToy(folder: string): Promise<LoadedModel> {
  if (folder === "missing") throw new UserError('Cannot read "missing": there is no such folder');
  return Promise.resolve(createToyModel({
    maxPositions: 1e9,
    async beforeExtend() {
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets messages in
      steps++;
      if (folder === "broken" && steps > FIRST_CALLS) throw new Error("the device is lost");
      if (folder === "hungry" && steps === FIRST_CALLS + 3) takeAllMemory();
      if (folder === "crashing" && steps === FIRST_CALLS + 3) {
        queueMicrotask(() => {
          throw new Error("bang");
        });
      }
    },
  }));
}

function takeAllMemory(): never {
  const taken: unknown[] = [];
  for (;;) taken.push(Array.from({ length: 1e5 }, (_, i) => ({ i })));
}

const scope: unknown = globalThis;
if (isWorkerScope(scope)) hostService(scope, loadToy);
else if (import.meta.main) {
  await hostProcess({ input: Deno.stdin.readable, output: Deno.stdout }, loadToy);
}
