import assert from "node:assert/strict";
import { TRAINING_DEFAULTS, type TrainingConfig } from "../../../src/core/training/config.ts";
import { idleBecause } from "../../../src/core/training/idle_settings.ts";
import { optimizerConfig } from "../../../src/core/training/optimizer_settings.ts";
import { OPTIMIZERS } from "../../../src/core/training/optimizers/optimizer.ts";
import { learningRateAt, SCHEDULES } from "../../../src/core/training/schedule.ts";

const CONFIG = { ...TRAINING_DEFAULTS, dataset: "d", model: "m", learningRate: 1e-3 };

Deno.test("idleBecause() tells of the settings without which an optimizer is the same", () => {
  const others: Partial<TrainingConfig> = {
    weightDecay: 0.5,
    adamBeta1: 0.5,
    adamBeta2: 0.5,
    adamEpsilon: 0.5,
    momentum: 0.5,
    adafactorVariant: "torch",
    adafactorScaleParameter: true,
    adafactorBeta1: 0.5,
    muonLearningRate: 0.5,
    muonAdjustment: "match-rms-adamw",
  };
  for (const optimizer of OPTIMIZERS) {
    const config = { ...CONFIG, optimizer };
    for (const [key, value] of Object.entries(others)) {
      const changed = { ...config, [key]: value };
      const same = JSON.stringify(optimizerConfig(changed)) ===
        JSON.stringify(optimizerConfig(config));
      assert.equal(idleBecause(key, changed) !== undefined, same, `${key} of ${optimizer}`);
    }
  }
  assert.match(idleBecause("momentum", CONFIG)!, /^optimizer "sgd" or "muon"$/);
});

Deno.test("idleBecause() tells of the settings without which a schedule is the same", () => {
  const others: Partial<TrainingConfig> = {
    minLrRate: 0.3,
    lrDecaySteps: 60,
    lrDecayType: "cosine",
    lrCycles: 3,
    lrPower: 3,
    lrTimescale: 77,
  };
  const rates = (config: typeof CONFIG) =>
    Array.from(
      { length: 101 },
      (_, step) => learningRateAt(step, { ...config, warmupSteps: 10, totalSteps: 100 }),
    ).join();
  for (const schedule of SCHEDULES) {
    const config = { ...CONFIG, schedule };
    for (const [key, value] of Object.entries(others)) {
      const changed = { ...config, [key]: value };
      const same = rates(changed) === rates(config);
      assert.equal(idleBecause(key, changed) !== undefined, same, `${key} of ${schedule}`);
    }
  }
});

Deno.test("idleBecause() tells of steps of what is not done, and of nothing else", () => {
  assert.equal(idleBecause("evalSteps", CONFIG), "evalDataset or evalSplit");
  assert.equal(idleBecause("evalSteps", { ...CONFIG, evalSplit: 0.1 }), undefined);
  assert.equal(idleBecause("sampleSteps", CONFIG), "samplePrompts");
  assert.equal(idleBecause("batchSize", CONFIG), undefined);
  assert.equal(idleBecause("constructor", CONFIG), undefined);
});
