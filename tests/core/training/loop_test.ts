import assert from "node:assert/strict";
import {
  type LoopOptions,
  type LoopResult,
  type Progress,
  runLoop,
} from "../../../src/core/training/loop.ts";
import { DEFAULT_SCHEDULE_SHAPE } from "../../../src/core/training/schedule.ts";
import type { Trainer } from "../../../src/core/training/trainer.ts";
import { createDataset } from "../../../src/datasets/dataset.ts";
import { START_CURSOR } from "../../../src/datasets/loader.ts";

const START: Progress = {
  step: 0,
  epoch: 0,
  cursor: START_CURSOR,
  tokensSeen: 0,
  trainedTokensSeen: 0,
  bestEvaluation: null,
  evaluationsSinceBest: 0,
};

const DATASET = createDataset([
  { inputIds: Int32Array.of(1, 2, 3), labels: Int32Array.of(1, 2, 3) },
  { inputIds: Int32Array.of(4, 5, 6), labels: Int32Array.of(4, 5, 6) },
]);

/** Learns nothing. */
const IDLE: Trainer = {
  freeze() {},
  accumulate: () => Promise.resolve(1),
  update: () => Promise.resolve({ gradNorm: 1, applied: true }),
  evaluate: () => Promise.resolve(1),
  state: () => Promise.resolve({ weights: [], slots: {} }),
  load: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Runs the loop with evaluations after each second step whose losses are given. */
async function run(
  losses: readonly number[],
  options: Partial<LoopOptions> = {},
): Promise<LoopResult & { readonly saved: Progress[] }> {
  const saved: Progress[] = [];
  const remaining = losses.values();
  const result = await runLoop({
    trainer: IDLE,
    dataset: DATASET,
    batchSize: 1,
    gradientAccumulationSteps: 1,
    shuffle: false,
    groupByLength: false,
    seed: 0,
    schedule: {
      ...DEFAULT_SCHEDULE_SHAPE,
      schedule: "constant",
      learningRate: 1,
      warmupSteps: 0,
      totalSteps: 40,
    },
    maxGradNorm: 0,
    start: START,
    saveSteps: null,
    evalSteps: 2,
    earlyStoppingPatience: 2,
    evaluate: () => Promise.resolve(remaining.next().value!),
    sampleSteps: null,
    onStep: () => {},
    save: (progress) => Promise.resolve(void saved.push(progress)),
    clock: () => 0,
    ...options,
  });
  return { ...result, saved };
}

const LOSSES = [5, 4, 4.5, 3, 3, 3.5, 9, 9];

Deno.test("runLoop() stops after as many evaluations without a lower loss as it has patience", async () => {
  const { progress, stoppedEarly, interrupted, saved } = await run(LOSSES);
  assert.equal(stoppedEarly, true);
  assert.equal(interrupted, false);
  assert.equal(progress.step, 12);
  assert.deepEqual(progress.bestEvaluation, { step: 8, loss: 3 });
  assert.deepEqual(saved.map(({ step }) => step), [2, 4, 8, 12], "each best and the last is saved");
});

Deno.test("runLoop() goes on counting evaluations where an interrupted run stood", async () => {
  const controller = new AbortController();
  const onStep: LoopOptions["onStep"] = ({ step }) => step === 11 && controller.abort();
  const first = await run(LOSSES, { signal: controller.signal, onStep });
  assert.equal(first.interrupted, true);
  assert.equal(first.progress.evaluationsSinceBest, 1);
  const second = await run(LOSSES.slice(5), { start: first.saved.at(-1)! });
  assert.equal(second.progress.step, 12);
  assert.equal(second.stoppedEarly, true);
  const third = await run([], { start: second.progress });
  assert.equal(third.progress.step, 12, "a run that has stopped makes no more steps");
  assert.equal(third.stoppedEarly, true);
});

Deno.test("runLoop() does not stop early without patience, and saves at the end only", async () => {
  const { progress, stoppedEarly, saved } = await run(new Array(20).fill(1), {
    earlyStoppingPatience: null,
  });
  assert.equal(stoppedEarly, false);
  assert.equal(progress.step, 40);
  assert.deepEqual(saved.map(({ step }) => step), [40]);
});
