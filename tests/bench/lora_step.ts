/**
 * One contender of the LoRA benchmark, in a process of its own: trains an adapter of rank 16 on a fixed row of 512 tokens
 * and prints the times of its steps and its peak memory as JSON.
 *
 * usage: lora_step.ts <config.json> <native|wasm> <f32|f16|int8> <plain|checkpointing> <steps>
 */

import { initialWeights } from "../../src/core/training/initialize.ts";
import type { FrozenDtype } from "../../src/core/training/frozen_weights.ts";
import { openTrainer } from "../../src/core/training/open_trainer.ts";
import { adapterOf } from "../../src/core/training/trainee.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { initialAdapter } from "../../src/models/adapters/initialize.ts";
import { LORA_DEFAULTS } from "../../src/models/adapters/lora_config.ts";
import { createModel } from "../../src/models/architectures.ts";

const LENGTH = 512;

const [config, device, frozenDtype, mode, steps] = Deno.args as [
  config: string,
  device: Device,
  frozenDtype: FrozenDtype,
  mode: string,
  steps: string,
];
const model = createModel(JSON.parse(await Deno.readTextFile(config)));
const trainee = adapterOf(model, LORA_DEFAULTS);
const trainer = await openTrainer(trainee, {
  device,
  threads: 2,
  frozenDtype,
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  gradientCheckpointing: mode === "checkpointing",
});
for (const weight of initialWeights(model, 0)) trainer.freeze(weight);
const fresh = initialAdapter(trainee.adapter!.layout, {
  seed: 0,
  base: () => {
    throw new Error("an adapter of LoRA starts from nothing of the model");
  },
  outputWeight: model.outputWeight,
});
for await (const weight of fresh) await trainer.load({ weights: [weight] });

const ids = Int32Array.from({ length: LENGTH + 1 }, (_, i) => (i * i * 7 + i) % model.vocabSize);
const batch = {
  ids: ids.subarray(0, LENGTH),
  labels: ids.subarray(1),
  batch: 1,
  seqLen: LENGTH,
  trainedTokens: LENGTH,
  tokens: LENGTH,
};
const times: number[] = [];
for (let step = 1; step <= Number(steps); step++) {
  const started = performance.now();
  await trainer.accumulate(batch, { tokenWeight: 1 / LENGTH, seed: step });
  await trainer.update({ step, learningRate: 2e-4, maxGradNorm: 1 });
  times.push(performance.now() - started);
}
const status = await Deno.readTextFile("/proc/self/status");
const peakBytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)![1]) * 1024;
await trainer[Symbol.asyncDispose]();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ times, peakBytes })));
Deno.exit(0);
