/**
 * One contender of the memory benchmark, in a process of its own: trains on a fixed batch and prints the times of its
 * steps, its losses and the most memory that the process had, as JSON.
 *
 * usage: layered_memory_step.ts <config.json> <full|lora> <native|wasm> <whole|layered> <batch> <seqLen> <steps>
 */

import { cpuUsage } from "node:process";
import { initialWeights } from "../../src/core/training/initialize.ts";
import { openTrainer } from "../../src/core/training/open_trainer.ts";
import { adapterOf, wholeModel } from "../../src/core/training/trainee.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { elementCount, tensor } from "../../src/engine/tensor/tensor.ts";
import { LORA_DEFAULTS } from "../../src/models/adapters/lora_config.ts";
import { createModel } from "../../src/models/architectures.ts";
import type { WeightSpec } from "../../src/models/language_model.ts";
import { createRandom } from "../../src/utils/random.ts";
import { printLine } from "./print_line.ts";

const [config, trained, device, mode, rows, length, steps] = Deno.args as [
  config: string,
  trained: string,
  device: Device,
  mode: string,
  rows: string,
  length: string,
  steps: string,
];
const [batch, seqLen] = [Number(rows), Number(length)];
const tokens = batch * seqLen;
const model = createModel(JSON.parse(config));
const trainee = trained === "lora" ? adapterOf(model, LORA_DEFAULTS) : wholeModel(model);

function idsFrom(offset: number): Int32Array {
  return Int32Array.from({ length: tokens }, (_, i) => ((i + offset) * 7) % 500);
}

function adapterWeight({ name, shape, init }: WeightSpec) {
  const random = createRandom(name.length);
  const data = new Float32Array(elementCount(shape));
  if (init === "normal") { for (let i = 0; i < data.length; i++) data[i] = 0.02 * random.normal(); }
  return { name, tensor: tensor("float32", shape, data) };
}

async function peakBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status");
  return parseInt(/^VmHWM:\s+(\d+)/m.exec(status)![1]!) * 1024;
}

const trainer = await openTrainer(trainee, {
  device,
  threads: 2,
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  gradientCheckpointing: mode === "layered",
});
for (const weight of initialWeights(model, 0)) {
  if (trainee.adapter === undefined) await trainer.load({ weights: [weight] });
  else trainer.freeze(weight);
}
if (trainee.adapter !== undefined) {
  for (const spec of trainee.parameters) await trainer.load({ weights: [adapterWeight(spec)] });
}
const cpuBefore = cpuUsage();
const times: number[] = [];
const losses: number[] = [];
for (let step = 1; step <= Number(steps); step++) {
  const started = performance.now();
  const loss = await trainer.accumulate(
    { ids: idsFrom(0), labels: idsFrom(1), batch, seqLen, trainedTokens: tokens, tokens },
    { tokenWeight: 1 / tokens, seed: 0 },
  );
  losses.push(loss);
  await trainer.update({ step, learningRate: 1e-3, maxGradNorm: 1 });
  times.push(performance.now() - started);
}
const cpu = cpuUsage(cpuBefore);
const figures = {
  times,
  losses,
  cpuMs: (cpu.user + cpu.system) / 1000,
  peakBytes: await peakBytes(),
};
printLine(JSON.stringify(figures));
Deno.exit(0);
