import assert from "node:assert/strict";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { wholeModel } from "../../../src/core/training/trainee.ts";
import { openTrainer } from "../../../src/core/training/open_trainer.ts";
import {
  DEFAULT_SCHEDULE_SHAPE,
  learningRateAt,
  type Schedule,
} from "../../../src/core/training/schedule.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import lionTrajectory from "../../fixtures/lion_trajectory.json" with { type: "json" };
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { readModel } from "../../models/golden_models.ts";
import { type GoldenOptimizer, goldenOptimizer, goldenRate } from "./golden_optimizers.ts";
import { sharedData, testWithData } from "../../shared_data.ts";

/** Trajectories of full fine-tuning of the architectures that exist. */
const CASES = [
  "adamw",
  "adamw_clip",
  "accumulation",
  "cosine",
  "linear_gpt2",
  "gemma3",
  "tinystories",
  "label_smoothing",
  "sgd_momentum",
  "sgd_nesterov",
  "lion",
  "adafactor_transformers",
  "adafactor_transformers_scaled",
  "adafactor_torch",
  "muon",
  "muon_match_rms",
] as const;

/**
 * Steps that are compared where not all can be. Lion's step is a sign: in its second step here one direction is by 1e-7
 * of what it is the sum of from 0, so that float32 decides it by rounding, and what follows is another trajectory.
 */
const COMPARED_STEPS: Readonly<Partial<Record<string, number>>> = { lion: 2 };

const LOSS_BOUND = 1e-4;
const NORM_BOUND = 1e-3;

interface GoldenMicroBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
}

interface GoldenWeight {
  readonly sum: number;
  readonly l2: number;
  readonly first8: readonly number[];
  readonly float32_max_abs_error: number;
}

interface GoldenTrajectory {
  readonly model: string;
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
  readonly final_ema?: Readonly<Record<string, Omit<GoldenWeight, "float32_max_abs_error">>>;
}

/** The rows as the loader would give them: labels moved one place forward. */
function microBatchOf({ input_ids, labels }: GoldenMicroBatch): MicroBatch {
  const seqLen = input_ids[0]!.length;
  const shifted = labels.flatMap((row) => [...row.slice(1), IGNORED_LABEL]);
  return {
    ids: Int32Array.from(input_ids.flat()),
    labels: Int32Array.from(shifted),
    batch: input_ids.length,
    seqLen,
    trainedTokens: shifted.filter((label) => label !== IGNORED_LABEL).length,
    tokens: input_ids.length * seqLen,
  };
}

function assertNear(actual: number, expected: number, { bound, what }: {
  readonly bound: number;
  readonly what: string;
}): void {
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-9);
  assert.ok(error <= bound, `${what} is ${actual}, expected ${expected}: off by ${error}`);
}

async function assertTrajectory(
  golden: GoldenTrajectory,
  { device, comparedSteps }: {
    readonly device: Device;
    readonly comparedSteps?: number | undefined;
  },
): Promise<void> {
  const { optimizer, schedule, max_grad_norm, label_smoothing, ema } = golden.config;
  const steps = comparedSteps ?? golden.config.steps;
  const folder = sharedData(`golden/${golden.model}`)!;
  const { model, weights } = await readModel(folder);
  await using trainer = await openTrainer(wholeModel(model), {
    device,
    threads: 2,
    optimizer: goldenOptimizer(optimizer),
    emaDecay: ema ?? null,
    regularization: { labelSmoothing: label_smoothing ?? 0, neftuneAlpha: null },
  });
  const initial = [...weights].map(([name, tensor]) => ({ name, tensor }));
  await trainer.load({ weights: initial, slots: ema === undefined ? {} : { ema: initial } });

  for (let step = 0; step < steps; step++) {
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
      totalSteps: golden.config.steps,
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

  if (comparedSteps !== undefined) return;
  const { weights: trained, slots } = await trainer.state();
  for (const { name, tensor } of trained) {
    const { float32_max_abs_error, ...expected } = golden.final[name]!;
    // What float32 itself loses in PyTorch, with room for another order of additions.
    assertWeight(tensor.data, expected, { name, bound: 100 * float32_max_abs_error + 1e-5 });
  }
  for (const { name, tensor } of slots["ema"] ?? []) {
    assertWeight(tensor.data, golden.final_ema![name]!, { name: `average ${name}`, bound: 1e-5 });
  }
}

function assertWeight(
  actual: Float32Array,
  { l2, first8 }: Pick<GoldenWeight, "l2" | "first8">,
  { name, bound }: { readonly name: string; readonly bound: number },
): void {
  assertNear(Math.sqrt(actual.reduce((sum, x) => sum + x * x, 0)), l2, {
    bound: 1e-4,
    what: `norm of ${name}`,
  });
  first8.forEach((element, i) => {
    const error = Math.abs(actual[i]! - element);
    assert.ok(error <= bound, `${name}[${i}] is off by ${error}, more than ${bound}`);
  });
}

for (const name of CASES) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `training on ${device} follows PyTorch's trajectory "${name}"`,
      { data: `golden/train_${name}.json` },
      async (path) =>
        await assertTrajectory(JSON.parse(await Deno.readTextFile(path)), {
          device,
          comparedSteps: COMPARED_STEPS[name],
        }),
    );
  }
}

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `training on ${device} follows PyTorch's trajectory of Lion far from changes of sign`,
    { data: `golden/${lionTrajectory.source}` },
    async (path) => {
      const source: GoldenTrajectory = JSON.parse(await Deno.readTextFile(path));
      const lion = lionTrajectory as unknown as Partial<GoldenTrajectory>;
      await assertTrajectory({ ...source, ...lion }, { device });
    },
  );
}
