/**
 * A worker with the toy model. The folder says how it behaves: `missing` cannot be loaded, `crashing` throws outside
 * of any request at the third call after it was loaded, `broken` fails at every call from then on.
 *
 * @module
 */

import { hostService } from "../../src/inference/worker_host.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createToyModel } from "./toy_model.ts";

const scope: unknown = globalThis;
let steps = 0;

/** Calls with which a model is warmed up. */
const FIRST_CALLS = 3;

hostService(scope as Worker, (folder) => {
  if (folder === "missing") throw new UserError('Cannot read "missing": there is no such folder');
  return Promise.resolve(createToyModel({
    maxPositions: 1e9,
    async beforeExtend() {
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets messages in
      steps++;
      if (folder === "broken" && steps > FIRST_CALLS) throw new Error("the device is lost");
      if (folder === "crashing" && steps === FIRST_CALLS + 3) {
        queueMicrotask(() => {
          throw new Error("bang");
        });
      }
    },
  }));
});
