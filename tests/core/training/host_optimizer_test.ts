import assert from "node:assert/strict";
import { type AdamWConfig, adamWFactors } from "../../../src/core/training/optimizers/adamw.ts";
import { NORM_BLOCK } from "../../../src/core/training/optimizers/gradient_norm.ts";
import { HostOptimizer } from "../../../src/core/training/host_optimizer.ts";
import type { ParameterGroup } from "../../../src/core/training/parameters.ts";

const ADAMW: AdamWConfig = {
  kind: "adamw",
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
};

/** Sizes that end within a vector of the kernel, within a block, and span several. */
const LAYOUT: readonly ParameterGroup[] = [
  groupOf({ decay: true, size: 5 * NORM_BLOCK + 7 }),
  groupOf({ decay: false, size: 3 }),
];

function groupOf({ decay, size }: { decay: boolean; size: number }): ParameterGroup {
  const array = { entries: [], size };
  return {
    decay,
    ...array,
    optimizer: ADAMW,
    learningRateFactor: 1,
    slots: new Map([["exp_avg", array], ["exp_avg_sq", array]]),
  };
}

const STEPS = 5;

function gradientAt(step: number, index: number): number {
  return Math.fround(Math.sin(index * 0.7 + step) * 0.01);
}

async function run(threads: number): Promise<{ weights: Float32Array[]; norms: number[] }> {
  await using optimizer = await HostOptimizer.open(LAYOUT, { threads, device: "wasm" });
  for (const { weights } of optimizer.groups) weights.forEach((_, i) => weights[i] = i % 13 - 6);
  const norms: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    for (const { gradients } of optimizer.groups) {
      gradients.forEach((_, i) => gradients[i] = gradientAt(step, i));
    }
    norms.push(await optimizer.gradientNorm());
    await optimizer.update({ step, learningRate: 1e-2, gradientScale: 0.5 });
  }
  return { weights: optimizer.groups.map(({ weights }) => weights.slice()), norms };
}

Deno.test("HostOptimizer updates as AdamW's formulas in float64 do", async () => {
  const { weights, norms } = await run(2);
  for (const [group, { decay, size }] of LAYOUT.entries()) {
    for (const index of [0, 1, 2, 100, NORM_BLOCK - 1, NORM_BLOCK, size - 1]) {
      if (index >= size) continue;
      let [weight, mean, square] = [index % 13 - 6, 0, 0];
      for (let step = 1; step <= STEPS; step++) {
        const { keep } = adamWFactors(ADAMW, { step, learningRate: 1e-2, gradientScale: 1, decay });
        const gradient = gradientAt(step, index) * 0.5;
        mean = ADAMW.beta1 * mean + (1 - ADAMW.beta1) * gradient;
        square = ADAMW.beta2 * square + (1 - ADAMW.beta2) * gradient ** 2;
        const correctedMean = mean / (1 - ADAMW.beta1 ** step);
        const correctedSquare = square / (1 - ADAMW.beta2 ** step);
        weight = weight * keep -
          1e-2 * correctedMean / (Math.sqrt(correctedSquare) + ADAMW.epsilon);
      }
      const error = Math.abs(weights[group]![index]! - weight);
      assert.ok(error < 1e-5, `group ${group}, element ${index} is off by ${error}`);
    }
  }
  let squares = 0;
  for (const { size } of LAYOUT) for (let i = 0; i < size; i++) squares += gradientAt(1, i) ** 2;
  assert.ok(Math.abs(norms[0]! - Math.sqrt(squares)) < 1e-9 * Math.sqrt(squares));
});

Deno.test("HostOptimizer gives the same bits with any number of threads", async () => {
  const [one, two, three] = [await run(1), await run(2), await run(3)];
  assert.deepEqual(one, two);
  assert.deepEqual(one, three);
});

Deno.test("HostOptimizer.open() refuses what one memory cannot hold, with the numbers", async () => {
  const layout = [groupOf({ decay: true, size: 300_000_000 })];
  await assert.rejects(
    () => HostOptimizer.open(layout, { threads: 1, device: "wasm" }),
    /Cannot train on the CPU: weights, gradients and the optimizer's state take 4\.\d+ GB/,
  );
});
