/**
 * Saves checkpoint after checkpoint of the run folder given as argument, until it is killed.
 *
 * @module
 */

import { pruneCheckpoints, saveCheckpoint } from "../../../src/models/checkpoint/save.ts";
import { sampleState } from "./sample_state.ts";

const runFolder = Deno.args[0]!;
const firstStep = Number(Deno.args[1]);
for (let step = firstStep;; step++) {
  await saveCheckpoint(runFolder, sampleState(step));
  await pruneCheckpoints(runFolder, { keepLast: 2 });
  await Deno.stdout.write(new TextEncoder().encode("."));
}
