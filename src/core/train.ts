/**
 * One training run, from a data set to a model: the trainer that the command line and the daemon start.
 *
 * @module
 */

import type { Dataset, DatasetStatistics } from "../datasets/dataset.ts";
import { START_CURSOR } from "../datasets/loader.ts";
import { chooseDevice } from "../engine/runtime/devices.ts";
import type { Device } from "../engine/runtime/session.ts";
import { checkpointPath, listCheckpoints } from "../models/checkpoint/list.ts";
import { lockCheckpoints } from "../models/checkpoint/lock.ts";
import type { Checkpoint } from "../models/checkpoint/open.ts";
import { removeLeftovers } from "../models/checkpoint/save.ts";
import type { BestEvaluation } from "../models/checkpoint/trainer_state.ts";
import { countParameters } from "../models/language_model.ts";
import { type Clock, systemClock } from "../utils/clock.ts";
import { collectGarbage } from "../utils/collect_garbage.ts";
import { UserError } from "../utils/errors.ts";
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
import { prepareDataset, prepareModel } from "./training/prepare.ts";
import { resolveConfig } from "./training/resolve_config.ts";
import { rehearseSaving } from "./training/rehearsal.ts";
import { RunLog, saveRunConfig, type StepMetrics } from "./training/run_folder.ts";
import { describeRun, type RunPlan } from "./training/run_plan.ts";
import { sampleText } from "./training/sample.ts";

export type { StepMetrics } from "./training/run_folder.ts";
export type { RunPlan } from "./training/run_plan.ts";
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
export type { Clock } from "../utils/clock.ts";

/** The checkpoint whose evaluation had the lowest loss. */
export interface BestCheckpoint extends BestEvaluation {
  /** Its folder. */
  readonly path: string;
}

/** Something that happened in a run. */
export type TrainEvent =
  | {
    /** What the run will do and take is known; nothing is allocated for it yet. */
    readonly kind: "planned";
    /** All of it. */
    readonly plan: RunPlan;
  }
  | {
    /** Everything is ready; the first step comes next. */
    readonly kind: "started";
    /** Folder of the run. */
    readonly output: string;
    /** Architecture. */
    readonly modelType: string;
    /** Parameters of the model. */
    readonly parameters: number;
    /** Parameters that are trained: all, or those of an adapter. */
    readonly trainedParameters: number;
    /** Where it runs, and why. */
    readonly device: Device;
    /** Why it runs there. */
    readonly deviceReason: string;
    /** What the data amounts to. */
    readonly data: DatasetStatistics;
    /** Steps done before, by the checkpoint that the run continues. */
    readonly step: number;
    /** Steps of the whole run. */
    readonly totalSteps: number;
  }
  | {
    /** An optimizer step was made. */
    readonly kind: "step";
    /** Its numbers. */
    readonly metrics: StepMetrics;
    /** Steps of the whole run. */
    readonly totalSteps: number;
  }
  | {
    /** The model was asked to continue a text. */
    readonly kind: "sample";
    /** Steps done. */
    readonly step: number;
    /** What was given. */
    readonly prompt: string;
    /** What it wrote. */
    readonly text: string;
  }
  | {
    /** A checkpoint was saved. */
    readonly kind: "saved";
    /** Steps done. */
    readonly step: number;
    /** Its folder. */
    readonly path: string;
  }
  | {
    /** The run ends, because evaluations had not become better for too long. */
    readonly kind: "stopped";
    /** Steps done. */
    readonly step: number;
    /** The checkpoint with the lowest loss. */
    readonly best: BestCheckpoint;
  }
  | {
    /** Something is odd. */
    readonly kind: "warning";
    /** What. */
    readonly message: string;
  };

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
  /** Asks the run to save a checkpoint and end. */
  readonly signal?: AbortSignal | undefined;
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
  const { maxLength } = options.config;
  const { dataset, evalDataset } = await prepareData(
    options.config,
    (path) => prepareDataset(path, { prepared, maxLength, onWarning, signal }),
  );
  if (checkpoint !== undefined) refuseOtherData(checkpoint, dataset);
  const resolved = resolveConfig(options.config, { dataset, prepared });

  const choice = await chooseDevice(resolved.device);
  const { device, reason } = choice;
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
  using log = new RunLog(output, { metricsBytes: checkpoint?.trainer.metricsBytes ?? 0, clock });

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

  const totalSteps = config.maxSteps;
  onEvent({
    kind: "started",
    output,
    modelType: trainee.model.modelType,
    parameters: countParameters(trainee.model),
    trainedParameters: countParameters({ weights: trainee.parameters }),
    device,
    deviceReason: reason,
    data: dataset.statistics,
    step: start.step,
    totalSteps,
  });
  log.event(start.step === 0 ? "started" : "resumed", { step: start.step, totalSteps, device });

  let saved = checkpoint?.path;
  let last: StepMetrics | undefined;
  try {
    const { progress, interrupted, stoppedEarly } = await runLoop({
      ...config,
      trainer,
      dataset,
      schedule: { ...config, learningRate: mainLearningRate(config), totalSteps },
      start,
      signal,
      clock,
      evaluate: evalDataset && (() => evaluateOn(evalDataset, { trainer, config })),
      sample: config.samplePrompt === null ? undefined : async () => {
        const prompt = config.samplePrompt!;
        const text = await sampleText({ prompt, prepared, trainer, device, config });
        onEvent({ kind: "sample", step: last?.step ?? 0, prompt, text });
      },
      onStep: (metrics) => {
        last = metrics;
        log.step(metrics);
        onEvent({ kind: "step", metrics, totalSteps });
      },
      save: async (progress) => {
        saved = await saveTrainer(trainer, {
          output,
          prepared,
          config,
          progress,
          dataset,
          metricsBytes: log.metricsBytes,
        });
        log.event("saved", { step: progress.step, path: saved });
        onEvent({ kind: "saved", step: progress.step, path: saved });
      },
    });
    const { step } = progress;
    const best = stoppedEarly ? bestCheckpoint(output, progress) : undefined;
    if (best !== undefined) {
      log.event("stopped", { step, best });
      onEvent({ kind: "stopped", step, best });
    } else {
      log.event(interrupted ? "interrupted" : "finished", { step });
    }
    return { interrupted, stoppedEarly, best, step, checkpoint: saved, metrics: last };
  } catch (error) {
    logFailure(log, { step: last?.step ?? start.step, reason: String(error) });
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

/** What failed first is what is told, even where a full disk keeps it from being logged. */
function logFailure(log: RunLog, details: Readonly<Record<string, unknown>>): void {
  try {
    log.event("failed", details);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

async function refuseUsed(output: string): Promise<void> {
  if ((await listCheckpoints(output)).length > 0) {
    throw new UserError(
      `Cannot start a run in "${output}": it holds the checkpoints of another; add --resume to continue that one, or give another --output`,
    );
  }
}

function refuseOtherData({ path, trainer }: Checkpoint, dataset: Dataset): void {
  if (trainer.datasetSha256 !== dataset.sha256) {
    throw new UserError(
      `Cannot resume from "${path}": "${dataset.path}" has changed since, so that rows would be skipped or repeated; ` +
        `give the data set it began with, or start a new run with --model "${path}"`,
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
