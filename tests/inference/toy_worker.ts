/**
 * A worker with the toy model. The folder says how it behaves: `missing` cannot be loaded, `crashing` throws outside
 * of any request when it is asked for a second sequence, `broken` fails at every token.
 *
 * @module
 */

import { hostService } from "../../src/inference/worker_host.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createToyModel } from "./toy_model.ts";

const scope: unknown = globalThis;
let steps = 0;

hostService(scope as Worker, (folder) => {
  if (folder === "missing") throw new UserError('Cannot read "missing": there is no such folder');
  return Promise.resolve(createToyModel({
    maxPositions: 1e9,
    async beforeExtend() {
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets messages in
      if (folder === "broken") throw new Error("the device is lost");
      if (folder === "crashing" && ++steps === 3) {
        queueMicrotask(() => {
          throw new Error("bang");
        });
      }
    },
  }));
});
