/**
 * One contender of the benchmark on GPUs, in a process of its own: trains a model or an adapter of rank 16 on a fixed
 * batch and prints the times of its steps as JSON.
 *
 * usage: gpu_step.ts <config.json> <full|lora> <f32|f16|int8> <plain|checkpointing> <batch> <length> <steps>
 */

import { initialWeights } from "../../src/core/training/initialize.ts";
import type { FrozenDtype } from "../../src/core/training/frozen_weights.ts";
import { openTrainer } from "../../src/core/training/open_trainer.ts";
import { adapterOf, wholeModel } from "../../src/core/training/trainee.ts";
import { initialAdapter } from "../../src/models/adapters/initialize.ts";
import { LORA_DEFAULTS } from "../../src/models/adapters/lora_config.ts";
import { createModel } from "../../src/models/architectures.ts";
import { printLine } from "./print_line.ts";

const [config, method, frozenDtype, mode, ...numbers] = Deno.args as [
  config: string,
  method: "full" | "lora",
  frozenDtype: FrozenDtype,
  mode: "plain" | "checkpointing",
  ...string[],
];
const [batch, seqLen, steps] = numbers.map(Number) as [number, number, number];

const model = createModel(JSON.parse(await Deno.readTextFile(config)));
const trainee = method === "full" ? wholeModel(model) : adapterOf(model, LORA_DEFAULTS);
await using trainer = await openTrainer(trainee, {
  device: "webgpu",
  threads: 2,
  frozenDtype,
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  gradientCheckpointing: mode === "checkpointing",
});
if (trainee.adapter === undefined) {
  await trainer.load({ weights: [...initialWeights(model, 0)] });
} else {
  for (const weight of initialWeights(model, 0)) trainer.freeze(weight);
  const fresh = initialAdapter(trainee.adapter.layout, {
    seed: 0,
    base: () => {
      throw new Error("an adapter of LoRA starts from nothing of the model");
    },
    outputWeight: model.outputWeight,
  });
  for await (const weight of fresh) await trainer.load({ weights: [weight] });
}

const tokens = batch * seqLen;
const ids = Int32Array.from({ length: tokens + 1 }, (_, i) => (i * i * 7 + i) % model.vocabSize);
const rows = {
  ids: ids.subarray(0, tokens),
  labels: ids.subarray(1),
  batch,
  seqLen,
  trainedTokens: tokens,
  tokens,
};
const times: number[] = [];
const losses: number[] = [];
for (let step = 1; step <= steps; step++) {
  const started = performance.now();
  losses.push(await trainer.accumulate(rows, { tokenWeight: 1 / tokens, seed: step }));
  await trainer.update({ step, learningRate: 2e-4, maxGradNorm: 1 });
  times.push(performance.now() - started);
}
printLine(JSON.stringify({ times, losses }));
Deno.exit(0);
