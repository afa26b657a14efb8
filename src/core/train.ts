/**
 * One training run, from a data set to a model: the trainer that the command line and the daemon start.
 *
 * @example What a run would take
 * ```ts
 * import { train, TRAINING_DEFAULTS } from "@llm-training/llm-training/core/train";
 *
 * const folder = await Deno.makeTempDir();
 * const dataset = `${folder}/rows.jsonl`;
 * await Deno.writeTextFile(dataset, '{"text": "one two three"}\n'.repeat(8));
 * const config = { ...TRAINING_DEFAULTS, dataset, model: "demo", maxSteps: 2 };
 * let parameters = 0;
 * await train({
 *   config,
 *   output: `${folder}/run`,
 *   dryRun: true,
 *   onEvent: (event) => {
 *     if (event.kind === "planned") parameters = event.plan.parameters;
 *   },
 * });
 * if (parameters < 500_000) throw new Error("the demo's model has more");
 * ```
 *
 * @module
 */

import type { TokenCache } from "../datasets/token_store/cache.ts";
import { START_CURSOR } from "../datasets/loader.ts";
import { chooseDevice } from "../engine/runtime/devices.ts";
import { checkpointPath, listCheckpoints } from "../models/checkpoint/list.ts";
import { lockCheckpoints } from "../models/checkpoint/lock.ts";
import { removeLeftovers } from "../models/checkpoint/save.ts";
import { lockRun } from "../monitoring/runs/run_lock.ts";
import type { TrackerSettings } from "../monitoring/trackers/settings.ts";
import { type Clock, systemClock } from "../utils/clock.ts";
import { collectGarbage } from "../utils/collect_garbage.ts";
import { UserError } from "../utils/errors.ts";
import type { VerdictStore } from "./training/check_data.ts";
import { makeFolder } from "./training/make_folder.ts";
import { loadTrainer, newestCheckpoint, saveTrainer } from "./training/checkpoints.ts";
import type { TrainingConfig } from "./training/config.ts";
import { evaluateOn, longestBatch } from "./training/evaluate.ts";
import { type Progress, runLoop } from "./training/loop.ts";
import { withMemoryAdvice } from "./training/memory_advice.ts";
import { openTrainer } from "./training/open_trainer.ts";
import { planRun, refuseWhatDoesNotFit } from "./training/preflight.ts";
import { mainLearningRate, optimizerConfig } from "./training/optimizer_settings.ts";
import { EMA_SLOT } from "./training/optimizers/ema.ts";
import { prepareData } from "./training/prepare_data.ts";
import { prepareModel } from "./training/prepare.ts";
import { refuseOtherData } from "./training/resume_checks.ts";
import { resolveConfig } from "./training/resolve_config.ts";
import { rehearseSaving } from "./training/rehearsal.ts";
import { saveRunConfig, type StepMetrics } from "./training/run_folder.ts";
import { describeRun } from "./training/run_plan.ts";
import { openRecorder } from "./training/run_recorder.ts";
import { refuseSamplesWithoutTokenizer, sampleTexts } from "./training/sample.ts";
import type { BestCheckpoint, TrainEvent } from "./training/train_event.ts";

export type { StepMetrics } from "./training/run_folder.ts";
export type { BestCheckpoint, TrainEvent } from "./training/train_event.ts";
export type { CheckProgress, VerdictStore } from "./training/check_data.ts";
export type { RunPlan } from "./training/run_plan.ts";
export type { BatchingSummary, DataEvent } from "./training/data_event.ts";
export type { Preflight, Remedy } from "./training/preflight.ts";
export type { MemoryParts, MemoryPlan } from "./training/memory_plan.ts";
export type { MemoryLimits } from "./training/memory_limits.ts";
export type { BatchShape } from "./training/sequence_inputs.ts";
export type { SizedTensor } from "../engine/onnx/memory.ts";
export {
  LORA_VARIANTS,
  type LoraVariant,
  TRAINING_DEFAULTS,
  type TrainingConfig,
} from "./training/config.ts";
export { FROZEN_DTYPES, type FrozenDtype } from "./training/frozen_weights.ts";
export type { ModuleSelection } from "../models/adapters/lora_config.ts";
export { type OptimizerName, OPTIMIZERS } from "./training/optimizers/optimizer.ts";
export type { OptimizerSettings } from "./training/optimizer_settings.ts";
export { ADAFACTOR_VARIANTS, type AdafactorVariant } from "./training/optimizers/adafactor.ts";
export { MUON_ADJUSTMENTS, type MuonAdjustment } from "./training/optimizers/muon.ts";
export {
  DECAY_TYPES,
  type DecayType,
  type Schedule,
  SCHEDULES,
  type ScheduleShape,
} from "./training/schedule.ts";
export type { BestEvaluation } from "../models/checkpoint/trainer_state.ts";
export type {
  MlflowSettings,
  ServerSettings,
  TensorboardSettings,
  TrackerSettings,
  WandbSettings,
} from "../monitoring/trackers/settings.ts";
export type { Clock } from "../utils/clock.ts";

/** Options of {@linkcode train}. */
export interface TrainOptions {
  /** Settings of the run. */
  readonly config: TrainingConfig;
  /** Folder of the run. */
  readonly output: string;
  /** Continue from the newest checkpoint in `output`. @default {false} */
  readonly resume?: boolean;
  /** Only tell what the run would do and take; nothing is written. @default {false} */
  readonly dryRun?: boolean;
  /** Where tokens are kept for further runs. @default {they are not kept} */
  readonly tokenCache?: TokenCache | undefined;
  /** Where verdicts on data sets are kept, so that one is looked over once. @default {they are not kept} */
  readonly verdicts?: VerdictStore | undefined;
  /** Whether a checkpoint is wanted now, besides those of the settings; asked once after each step. @default {never} */
  readonly isCheckpointWanted?: () => boolean;
  /** Asks the run to save a checkpoint and end. */
  readonly signal?: AbortSignal | undefined;
  /** Where the run is shown besides, as it goes on. @default {nowhere} */
  readonly trackers?: readonly TrackerSettings[];
  /** Told of what happens. @default {nobody} */
  readonly onEvent?: (event: TrainEvent) => void;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
}

/** How a run ended. */
export interface TrainResult {
  /** Whether it was asked to end before it was done. */
  readonly interrupted: boolean;
  /** Whether it ended because evaluations had not become better for too long. */
  readonly stoppedEarly: boolean;
  /** The checkpoint with the lowest loss, where the run stopped early. */
  readonly best: BestCheckpoint | undefined;
  /** Steps done. */
  readonly step: number;
  /** Folder of the newest checkpoint; `undefined` if not a step was made. */
  readonly checkpoint: string | undefined;
  /** The last step's numbers; `undefined` if not a step was made. */
  readonly metrics: StepMetrics | undefined;
}

const NOTHING_DONE: TrainResult = {
  interrupted: false,
  stoppedEarly: false,
  best: undefined,
  step: 0,
  checkpoint: undefined,
  metrics: undefined,
};

/** Weights above this size are not left lying about once they are kept in a smaller form. */
const LARGE_WEIGHT_BYTES = 64e6;

const NOT_STARTED: Progress = {
  step: 0,
  epoch: 0,
  cursor: START_CURSOR,
  tokensSeen: 0,
  trainedTokensSeen: 0,
  bestEvaluation: null,
  evaluationsSinceBest: 0,
};

/**
 * Trains a model.
 *
 * @throws {UserError} If something that was given cannot be used, the disk is full, or the loss is no longer finite;
 * checkpoints saved before stay.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { output, resume = false, dryRun = false, signal } = options;
  const { onEvent = () => {}, clock = systemClock } = options;
  const onWarning = (message: string) => onEvent({ kind: "warning", message });
  if (!dryRun) await makeFolder(output);
  using _lock = dryRun ? undefined : await lockRun(output);
  if (!resume) await refuseUsed(output);
  // a run that was killed when it had only to remove old checkpoints saves nothing any more
  if (!dryRun) await removeLeftovers(output);
  using reading = new DisposableStack(); // until its tensors are read, nobody may remove what the run goes on from
  if (resume && !dryRun) reading.use(await lockCheckpoints(output, { shared: true, signal }));
  using checkpoint = resume ? await newestCheckpoint(output, onWarning) : undefined;
  if (resume && checkpoint === undefined) {
    onWarning(`there is no checkpoint in "${output}" yet: starting from the beginning`);
  }

  const prepared = await prepareModel(options.config, { checkpoint, signal });
  const { trainee } = prepared;
  refuseSamplesWithoutTokenizer(options.config, prepared);
  using data = await prepareData(options.config, {
    ...{ prepared, onEvent, onWarning, clock, signal },
    cache: options.tokenCache && { ...options.tokenCache, write: !dryRun },
    verdicts: options.verdicts && { ...options.verdicts, write: !dryRun },
  });
  const { dataset, evalDataset } = data;
  if (checkpoint !== undefined) refuseOtherData(checkpoint, { dataset, config: options.config });
  const resolved = resolveConfig(options.config, { dataset, prepared });

  const choice = await chooseDevice(resolved.device);
  const { device } = choice;
  const optimizer = optimizerConfig(resolved);
  collectGarbage(); // of reading the data
  const { config, preflight, changed } = await planRun({
    config: resolved,
    device,
    prepared,
    datasets: evalDataset === undefined ? [dataset] : [dataset, evalDataset],
    optimizer,
  });
  if (changed !== undefined) {
    onWarning(
      `${changed}: layers are computed one by one instead, as with --gradient-checkpointing`,
    );
  }
  const plan = await describeRun(preflight, { config, choice, prepared, dataset, output });
  onEvent({ kind: "planned", plan });
  refuseWhatDoesNotFit(preflight);
  if (dryRun) return NOTHING_DONE;
  await rehearseSaving(output, preflight.checkpointBytes);
  const start = checkpoint?.trainer ?? NOT_STARTED;
  await using recorder = await openRecorder({
    ...{ output, config, checkpoint, prepared, plan, dataset, evalDataset, clock, onEvent },
    trackers: options.trackers ?? [],
  });
  let saved = checkpoint?.path;
  try {
    await using trainer = await openTrainer(trainee, {
      device,
      frozenDtype: config.baseDtype,
      gradientCheckpointing: config.gradientCheckpointing,
      threads: config.threads ?? navigator.hardwareConcurrency,
      optimizer,
      emaDecay: config.emaDecay,
      regularization: config,
    });
    const frozen = new Set(trainee.frozen.map(({ name }) => name));
    for await (const weight of prepared.baseWeights()) {
      if (!frozen.has(weight.name)) continue;
      trainer.freeze(weight);
      if (weight.tensor.data.byteLength > LARGE_WEIGHT_BYTES) collectGarbage();
    }
    if (checkpoint === undefined) {
      for await (const weight of prepared.weights()) {
        const slots = config.emaDecay === null ? {} : { [EMA_SLOT]: [weight] };
        await trainer.load({ weights: [weight], slots });
      }
    } else {
      await loadTrainer(trainer, { checkpoint, prepared });
    }
    reading.dispose();
    collectGarbage(); // of reading the weights

    // not before: settings that do not fit what is resumed must not take the place of those that do
    await saveRunConfig(output, config);
    if (evalDataset !== undefined) await trainer.evaluate(longestBatch(evalDataset, config));
    await recorder.started();

    let last: StepMetrics | undefined;
    const { progress, interrupted, stoppedEarly } = await runLoop({
      ...config,
      trainer,
      dataset,
      schedule: {
        ...config,
        learningRate: mainLearningRate(config),
        totalSteps: config.maxSteps,
      },
      saveBest: config.saveBest || config.earlyStoppingPatience !== null,
      start,
      isCheckpointWanted: options.isCheckpointWanted,
      signal,
      clock,
      evaluate: evalDataset && (() => evaluateOn(evalDataset, { trainer, config })),
      sample: config.samplePrompts.length === 0 ? undefined : async (step) => {
        for await (const sample of sampleTexts({ prepared, trainer, device, config })) {
          recorder.sample({ step, ...sample });
        }
      },
      onStep: (metrics, progress) => {
        last = metrics;
        recorder.step(metrics, progress);
      },
      save: async (progress, supersededBest) => {
        const { metricsBytes } = recorder;
        saved = await saveTrainer(trainer, {
          ...{ output, prepared, config, progress, dataset, metricsBytes, supersededBest },
        });
        recorder.saved(progress.step, saved);
      },
    });
    const { step } = progress;
    const best = stoppedEarly ? bestCheckpoint(output, progress) : undefined;
    await recorder.ended(step, { interrupted, best });
    return { interrupted, stoppedEarly, best, step, checkpoint: saved, metrics: last };
  } catch (error) {
    await recorder.failed(error);
    throw withMemoryAdvice(error, { config, checkpoint: saved });
  }
}

/**
 * Runs the `train` command on `args` and returns its exit status.
 *
 * @example
 * ```ts ignore
 * import { main } from "@llm-training/llm-training/core/train";
 *
 * Deno.exit(await main(["--dataset", "data.jsonl", "--model", "1m"]));
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  const cli = await import("../cli/main.ts");
  return await cli.main(["train", ...args]);
}

async function refuseUsed(output: string): Promise<void> {
  if ((await listCheckpoints(output)).length > 0) {
    throw new UserError(
      `Cannot start a run in "${output}": it holds the checkpoints of another; add --resume to continue that one, or give another --output`,
    );
  }
}

function bestCheckpoint(output: string, { bestEvaluation }: Progress): BestCheckpoint | undefined {
  return bestEvaluation === null
    ? undefined
    : { ...bestEvaluation, path: checkpointPath(output, bestEvaluation.step) };
}

// not awaited: the command imports this module, which would never be evaluated
if (import.meta.main) main(Deno.args).then(Deno.exit);
