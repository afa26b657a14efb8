import assert from "node:assert/strict";
import { HostOptimizer } from "../../../src/core/training/host_optimizer.ts";
import {
  OPTIMIZER_DEFAULTS,
  optimizerConfig,
} from "../../../src/core/training/optimizer_settings.ts";
import {
  type OptimizerConfig,
  type OptimizerName,
  OPTIMIZERS,
} from "../../../src/core/training/optimizers/optimizer.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { layOutParameters } from "../../../src/core/training/parameters.ts";

const EMA_DECAY = 0.9;

/** Matrices, tall and wide, and vectors, enough for three threads. */
const SPECS = [
  ["model.embed_tokens.weight", [700, 300]],
  ["model.layers.0.mlp.up_proj.weight", [500, 301]],
  ["model.layers.0.mlp.down_proj.weight", [301, 500]],
  ["model.layers.1.mlp.up_proj.weight", [500, 301]],
  ["model.norm.weight", [301]],
] as const;

const PARAMETERS = SPECS.map(([name, shape]) => ({ name, shape, init: "normal" as const }));

const noise = (seed: number, index: number): number => Math.sin(index * 0.7 + seed * 1.3) * 0.01;

/** Returns weights and what is kept of them after three steps, by name. */
async function run(
  optimizer: OptimizerConfig,
  threads: number,
): Promise<Map<string, Float32Array>> {
  const layout = layOutParameters(PARAMETERS, { optimizer, ema: true });
  await using host = await HostOptimizer.open(layout, {
    threads,
    device: "native",
    emaDecay: EMA_DECAY,
  });
  for (const { weights, slots } of host.groups) {
    weights.forEach((_, i) => weights[i] = noise(0, i));
    slots.ema!.set(weights);
  }
  const averages = host.groups.map(({ weights }) => Float64Array.from(weights));
  for (let step = 1; step <= 3; step++) {
    for (const { gradients } of host.groups) {
      gradients.forEach((_, i) => gradients[i] = noise(step, i));
    }
    await host.update({ step, learningRate: 1e-2, gradientScale: 0.5 });
    for (const [group, { weights }] of host.groups.entries()) {
      const average = averages[group]!;
      for (let i = 0; i < weights.length; i++) {
        average[i] = EMA_DECAY * average[i]! + (1 - EMA_DECAY) * weights[i]!;
      }
    }
  }
  const result = new Map<string, Float32Array>();
  for (const [group, { weights, slots }] of host.groups.entries()) {
    result.set(`weights ${group}`, weights.slice());
    for (const [slot, values] of Object.entries(slots)) {
      result.set(`${slot} ${group}`, values.slice());
    }
    const error = averages[group]!.reduce(
      (largest, x, i) => Math.max(largest, Math.abs(x - slots.ema![i]!)),
      0,
    );
    assert.ok(error < 1e-7, `the moving average is off by ${error}`);
  }
  return result;
}

/** Slots of groups, besides the moving average. */
const SLOTS: Readonly<Record<OptimizerName, readonly string[]>> = {
  adamw: ["exp_avg 0", "exp_avg 1", "exp_avg_sq 0", "exp_avg_sq 1"],
  sgd: ["momentum_buffer 0", "momentum_buffer 1"],
  lion: ["exp_avg 0", "exp_avg 1"],
  adafactor: ["exp_avg 0", "exp_avg 1", "exp_avg_sq 1", "exp_avg_sq_col 0", "exp_avg_sq_row 0"],
  muon: ["exp_avg 0", "exp_avg 2", "exp_avg_sq 0", "exp_avg_sq 2", "momentum_buffer 1"],
};

for (const name of OPTIMIZERS) {
  // Muon's products are native's: on wasm all sessions of a thread share one pool, whatever a test asks for.
  const ignore = name === "muon" && !AVAILABLE_DEVICES.includes("native");
  Deno.test({
    name:
      `HostOptimizer gives the same bits of ${name} with any number of threads, and averages weights`,
    ignore,
    async fn() {
      const settings = { ...OPTIMIZER_DEFAULTS, adafactorBeta1: 0.9, learningRate: 1e-2 };
      const optimizer = optimizerConfig({ ...settings, optimizer: name });
      const two = await run(optimizer, 2);
      assert.deepEqual(await run(optimizer, 3), two);
      const kept = [...two.keys()].filter((key) => !/^(?:weights|ema) /.test(key));
      assert.deepEqual(kept.toSorted(), SLOTS[name]);
    },
  });
}
