import assert from "node:assert/strict";
import { parseTrainingConfig, TRAINING_DEFAULTS } from "../../../src/core/training/config.ts";
import {
  mainLearningRate,
  optimizerConfig,
} from "../../../src/core/training/optimizer_settings.ts";

/** The settings of a run of before optimizers could be chosen. */
const OLD = {
  dataset: "/data.jsonl",
  model: "1m",
  device: "auto",
  threads: null,
  batchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: 1e-3,
  schedule: "cosine",
  warmupSteps: 5,
  weightDecay: 0.01,
  adamBeta1: 0.9,
  adamBeta2: 0.95,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  maxSteps: 100,
  epochs: 3,
  maxLength: null,
  trainOn: "assistant",
  seed: 0,
  shuffle: true,
  saveSteps: null,
  keepCheckpoints: null,
  evalDataset: null,
  evalSteps: null,
  samplePrompt: null,
  sampleSteps: null,
};

Deno.test("parseTrainingConfig() takes the defaults of settings that came later", () => {
  const { samplePrompt: _, ...kept } = OLD;
  assert.deepEqual(parseTrainingConfig(OLD, "config.json"), { ...TRAINING_DEFAULTS, ...kept });
  const { samplePrompts } = parseTrainingConfig({ ...OLD, samplePrompt: "Hi" }, "config.json");
  assert.deepEqual(samplePrompts, ["Hi"]);
});

Deno.test("parseTrainingConfig() refuses what it does not know, by name", () => {
  const parse = (changed: object) => () => parseTrainingConfig({ ...OLD, ...changed }, "c.json");
  assert.throws(parse({ optimizer: "adam" }), /"optimizer" must be one of "adamw", .*"adam"/);
  assert.throws(parse({ emaDecay: 1.5 }), /"emaDecay"/);
  assert.throws(parse({ earlyStoppingPatience: 0 }), /"earlyStoppingPatience"/);
  assert.throws(parse({ lionBeta: 1 }), /"lionBeta"/);
});

Deno.test("optimizerConfig() takes each optimizer's own defaults, and Muon's two learning rates", () => {
  const settings = { ...TRAINING_DEFAULTS, learningRate: 3e-3 };
  const of = (optimizer: typeof settings.optimizer) => optimizerConfig({ ...settings, optimizer });
  assert.deepEqual(of("sgd"), { kind: "sgd", momentum: 0.9, nesterov: false, weightDecay: 0.01 });
  assert.deepEqual(of("lion"), { kind: "lion", beta1: 0.9, beta2: 0.99, weightDecay: 0.01 });
  const muon = { ...settings, optimizer: "muon" as const };
  const rate = mainLearningRate(muon);
  assert.ok(Math.abs(rate - 0.01) < 1e-15);
  const config = optimizerConfig(muon);
  assert.ok(config.kind === "muon" && config.nesterov && config.momentum === 0.95);
  assert.ok(Math.abs(config.restLearningRateFactor * rate - 3e-3) < 1e-15);
  assert.equal(mainLearningRate({ ...muon, muonLearningRate: 0.02 }), 0.02);
});
