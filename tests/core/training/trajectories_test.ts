import assert from "node:assert/strict";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { wholeModel } from "../../../src/core/training/trainee.ts";
import { openTrainer } from "../../../src/core/training/open_trainer.ts";
import { learningRateAt, type Schedule } from "../../../src/core/training/schedule.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { readModel } from "../../models/golden_models.ts";
import { sharedData, testWithData } from "../../shared_data.ts";

/** Trajectories of full fine-tuning with AdamW of the architectures that exist. */
const CASES = [
  "adamw",
  "adamw_clip",
  "accumulation",
  "cosine",
  "linear_gpt2",
  "tinystories",
] as const;

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
    readonly optimizer: {
      readonly lr: number;
      readonly betas: readonly [number, number];
      readonly eps: number;
      readonly weight_decay: number;
    };
    readonly schedule: { readonly name: Schedule; readonly warmup_steps?: number };
    readonly max_grad_norm: number | null;
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

async function assertTrajectory(path: string, device: Device): Promise<void> {
  const golden: GoldenTrajectory = JSON.parse(await Deno.readTextFile(path));
  const { optimizer, schedule, steps, max_grad_norm } = golden.config;
  const folder = sharedData(`golden/${golden.model}`)!;
  const { model, weights } = await readModel(folder);
  await using trainer = await openTrainer(wholeModel(model), {
    device,
    threads: 2,
    optimizer: {
      kind: "adamw",
      beta1: optimizer.betas[0],
      beta2: optimizer.betas[1],
      epsilon: optimizer.eps,
      weightDecay: optimizer.weight_decay,
    },
  });
  await trainer.load({ weights: [...weights].map(([name, tensor]) => ({ name, tensor })) });

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
      schedule: schedule.name,
      learningRate: optimizer.lr,
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

  const { weights: trained } = await trainer.state();
  for (const { name, tensor } of trained) {
    const { l2, first8, float32_max_abs_error } = golden.final[name]!;
    assertNear(Math.sqrt(tensor.data.reduce((sum, x) => sum + x * x, 0)), l2, {
      bound: 1e-4,
      what: `norm of ${name}`,
    });
    // What float32 itself loses in PyTorch, with room for another order of additions.
    const bound = 100 * float32_max_abs_error + 1e-5;
    first8.forEach((element, i) => {
      const error = Math.abs(tensor.data[i]! - element);
      assert.ok(error <= bound, `${name}[${i}] is off by ${error}, more than ${bound}`);
    });
  }
}

for (const name of CASES) {
  for (const device of AVAILABLE_DEVICES) {
    testWithData(
      `training on ${device} follows PyTorch's trajectory "${name}"`,
      { data: `golden/train_${name}.json` },
      (path) => assertTrajectory(path, device),
    );
  }
}
