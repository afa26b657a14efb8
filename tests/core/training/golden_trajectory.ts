/**
 * PyTorch's training trajectories, and a trainer held against them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openTrainer, type OpenTrainerOptions } from "../../../src/core/training/open_trainer.ts";
import {
  DEFAULT_SCHEDULE_SHAPE,
  learningRateAt,
  type Schedule,
} from "../../../src/core/training/schedule.ts";
import { adapterOf, type Trainee, wholeModel } from "../../../src/core/training/trainee.ts";
import type { Trainer } from "../../../src/core/training/trainer.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import type { Tensor } from "../../../src/engine/tensor/tensor.ts";
import { openAdapter } from "../../../src/models/adapters/folder.ts";
import { mergeAdapter } from "../../../src/models/adapters/merge.ts";
import { type ModelWithWeights, readModel } from "../../models/golden_models.ts";
import { sharedData } from "../../shared_data.ts";
import { type GoldenOptimizer, goldenOptimizer, goldenRate } from "./golden_optimizers.ts";

const LOSS_BOUND = 1e-4;
const NORM_BOUND = 1e-3;

interface GoldenMicroBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
  /** Of packed rows: the number of each token's example, −1 for padding. */
  readonly segment_ids?: readonly (readonly number[])[];
}

interface GoldenWeight {
  readonly sum: number;
  readonly l2: number;
  readonly first8: readonly number[];
  /** Missing of averages, and of matrices that an adapter was merged into. */
  readonly float32_max_abs_error?: number;
}

/** One of PyTorch's trajectories. */
export interface GoldenTrajectory {
  readonly model: string;
  /** Folder of the adapter that is trained, as it is at the start. */
  readonly adapter?: string;
  readonly config: {
    readonly steps: number;
    readonly optimizer: GoldenOptimizer;
    readonly schedule: { readonly name: string; readonly warmup_steps?: number };
    readonly max_grad_norm: number | null;
    readonly label_smoothing?: number;
    readonly ema?: number;
  };
  readonly batches: readonly (readonly GoldenMicroBatch[])[];
  readonly batch_of_step: readonly (
    | number
    | { readonly batch: number; readonly micro_batches: number }
  )[];
  readonly loss_f64: readonly number[];
  readonly grad_norm_f64: readonly number[];
  readonly lr: readonly number[];
  readonly trained_tokens: readonly number[];
  readonly final: Readonly<Record<string, GoldenWeight>>;
  readonly final_ema?: Readonly<Record<string, GoldenWeight>>;
  readonly final_merged?: Readonly<Record<string, GoldenWeight>>;
}

type Weights = ReadonlyMap<string, Tensor<"float32">>;

/** How a trajectory is computed. */
export type TrajectoryMode = Pick<OpenTrainerOptions, "device" | "gradientCheckpointing">;

/** Options of {@linkcode assertTrajectory}. */
export interface AssertTrajectoryOptions {
  /** How it is computed. */
  readonly mode: TrajectoryMode;
  /** Compare only this many steps, and no weights. @default {all} */
  readonly comparedSteps?: number | undefined;
}

/** Trains as PyTorch did and compares losses, gradient norms, learning rates and the weights at the end. */
export async function assertTrajectory(
  golden: GoldenTrajectory,
  { mode, comparedSteps }: AssertTrajectoryOptions,
): Promise<void> {
  const { optimizer, label_smoothing, ema } = golden.config;
  const base = await readModel(sharedData(`golden/${golden.model}`)!);
  const { trainee, start } = await readTrainee(golden, base);
  await using trainer = await openTrainer(trainee, {
    ...mode,
    threads: 2,
    optimizer: goldenOptimizer(optimizer),
    emaDecay: ema ?? null,
    regularization: { labelSmoothing: label_smoothing ?? 0, neftuneAlpha: null },
  });
  for (const { name } of trainee.frozen) {
    trainer.freeze({ name, tensor: base.weights.get(name)! });
  }
  const initial = named(start);
  await trainer.load({ weights: initial, slots: ema === undefined ? {} : { ema: initial } });
  for (let step = 0; step < (comparedSteps ?? golden.config.steps); step++) {
    await assertStep(trainer, { golden, step });
  }
  if (comparedSteps === undefined) await assertEnd(trainer, { golden, trainee, base });
}

/** Reads what a trajectory trains, and what it starts from. */
async function readTrainee(
  golden: GoldenTrajectory,
  { model, weights }: ModelWithWeights,
): Promise<{ trainee: Trainee; start: Weights }> {
  if (golden.adapter === undefined) return { trainee: wholeModel(model), start: weights };
  using adapter = await openAdapter(sharedData(`golden/${golden.adapter}`)!);
  adapter.check(model);
  const trainee = adapterOf(model, adapter.config);
  const start = new Map<string, Tensor<"float32">>();
  for (const { name, shape } of trainee.parameters) {
    start.set(name, await adapter.read(name, shape));
  }
  return { trainee, start };
}

async function assertStep(
  trainer: Trainer,
  { golden, step }: { readonly golden: GoldenTrajectory; readonly step: number },
): Promise<void> {
  const { optimizer, schedule, max_grad_norm, steps } = golden.config;
  const entry = golden.batch_of_step[step]!;
  const { batch, micro_batches } = typeof entry === "number"
    ? { batch: entry, micro_batches: golden.batches[entry]!.length }
    : entry;
  const microBatches = golden.batches[batch]!.slice(0, micro_batches).map(microBatchOf);
  const trained = microBatches.reduce((sum, { trainedTokens }) => sum + trainedTokens, 0);
  assert.equal(trained, golden.trained_tokens[step]);
  let loss = 0;
  for (const microBatch of microBatches) {
    loss += await trainer.accumulate(microBatch, { tokenWeight: 1 / trained, seed: 0 });
  }
  const learningRate = learningRateAt(step, {
    ...DEFAULT_SCHEDULE_SHAPE,
    schedule: schedule.name.replaceAll("_", "-") as Schedule,
    learningRate: goldenRate(optimizer),
    warmupSteps: schedule.warmup_steps ?? 0,
    totalSteps: steps,
  });
  assert.ok(Math.abs(learningRate - golden.lr[step]!) <= 1e-12);
  const { gradNorm } = await trainer.update({
    step: step + 1,
    learningRate,
    maxGradNorm: max_grad_norm ?? 0,
  });
  assertNear(loss, golden.loss_f64[step]!, { bound: LOSS_BOUND, what: `loss ${step}` });
  assertNear(gradNorm, golden.grad_norm_f64[step]!, { bound: NORM_BOUND, what: `norm ${step}` });
}

/** The rows as the loader would give them: labels moved one place forward. */
function microBatchOf({ input_ids, labels, segment_ids }: GoldenMicroBatch): MicroBatch {
  const seqLen = input_ids[0]!.length;
  const shifted = labels.flatMap((row) => [...row.slice(1), IGNORED_LABEL]);
  return {
    ids: Int32Array.from(input_ids.flat()),
    labels: Int32Array.from(shifted),
    batch: input_ids.length,
    seqLen,
    trainedTokens: shifted.filter((label) => label !== IGNORED_LABEL).length,
    tokens: input_ids.length * seqLen,
    ...(segment_ids === undefined ? {} : { segments: Int32Array.from(segment_ids.flat()) }),
  };
}

async function assertEnd(
  trainer: Trainer,
  { golden, trainee, base }: {
    readonly golden: GoldenTrajectory;
    readonly trainee: Trainee;
    readonly base: ModelWithWeights;
  },
): Promise<void> {
  const state = await trainer.state();
  const byName = (weights: readonly { name: string; tensor: Tensor<"float32"> }[]): Weights =>
    new Map(weights.map(({ name, tensor }) => [name, tensor]));
  const trained = byName(state.weights);
  assertWeights(trained, golden.final);
  if (golden.final_ema !== undefined) assertWeights(byName(state.slots["ema"]!), golden.final_ema);
  const { adapter, model } = trainee;
  if (adapter === undefined || golden.final_merged === undefined) return;
  const merged = new Map<string, Tensor<"float32">>();
  for await (
    const { name, tensor } of mergeAdapter({
      model,
      config: adapter.config,
      adapterWeight: (name) => trained.get(name)!,
      base: named(base.weights),
    })
  ) {
    merged.set(name, tensor);
  }
  // Of a product, PyTorch's own error is not known: that of the worst of what it is made of.
  const errors = Object.values(golden.final).map((weight) => weight.float32_max_abs_error!);
  assertWeights(merged, golden.final_merged, Math.max(...errors));
}

function assertWeights(
  weights: Weights,
  golden: Readonly<Record<string, GoldenWeight>>,
  unknownError = 0,
): void {
  for (const [name, { l2, first8, float32_max_abs_error }] of Object.entries(golden)) {
    const { data } = weights.get(name)!;
    assertNear(Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)), l2, {
      bound: 1e-4,
      what: `norm of ${name}`,
    });
    // What float32 itself loses in PyTorch, with room for another order of additions.
    const bound = 100 * (float32_max_abs_error ?? unknownError) + 1e-5;
    first8.forEach((element, i) => {
      const error = Math.abs(data[i]! - element);
      assert.ok(error <= bound, `${name}[${i}] is off by ${error}, more than ${bound}`);
    });
  }
}

function assertNear(actual: number, expected: number, { bound, what }: {
  readonly bound: number;
  readonly what: string;
}): void {
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-9);
  assert.ok(error <= bound, `${what} is ${actual}, expected ${expected}: off by ${error}`);
}

function named(weights: Weights): { name: string; tensor: Tensor<"float32"> }[] {
  return [...weights].map(([name, tensor]) => ({ name, tensor }));
}
