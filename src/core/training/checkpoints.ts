/**
 * From a trainer to a checkpoint and back.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import type { AdapterContents } from "../../models/adapters/folder.ts";
import { checkpointPath } from "../../models/checkpoint/list.ts";
import { type Checkpoint, latestCheckpoint } from "../../models/checkpoint/open.ts";
import {
  pruneCheckpoints,
  removeCheckpoint,
  saveCheckpoint,
} from "../../models/checkpoint/save.ts";
import type { ModelContents } from "../../models/hub/save_model.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TrainingConfig } from "./config.ts";
import type { Progress } from "./loop.ts";
import { tokenizerFiles, type TrainingModel } from "./prepare.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";
import { modelWeights, type NamedTensor, type TrainableState, type Trainer } from "./trainer.ts";

/** What weights are called among the optimizer's tensors, where the model that is saved is their moving average. */
const RAW_SLOT = "raw";

/** What a checkpoint holds besides what the trainer does. */
export interface CheckpointContext {
  /** Folder of the run. */
  readonly output: string;
  /** Model and tokenizer. */
  readonly prepared: TrainingModel;
  /** Settings of the run. */
  readonly config: TrainingConfig;
  /** What it is trained on. */
  readonly dataset: Dataset;
  /** Length of the metrics. */
  readonly metricsBytes: number;
  /** Where the run stands. */
  readonly progress: Progress;
  /** The step of a checkpoint that was the best so far, is no longer, and goes. @default {none} */
  readonly supersededBest?: number | undefined;
}

/**
 * Saves a checkpoint, removes those that are not to be kept, and returns its path.
 *
 * @throws {UserError} If a weight is NaN or infinite, or the disk is full; earlier checkpoints stay.
 */
export async function saveTrainer(trainer: Trainer, context: CheckpointContext): Promise<string> {
  const { output, config, progress } = context;
  const state = await trainer.state();
  refuseNotFinite(state.weights, progress.step);
  const path = await saveCheckpoint(output, {
    ...contentsOf(modelWeights(state), context),
    optimizer: Object.entries(optimizerSlots(state)).flatMap(([slot, tensors]) =>
      tensors.map(({ name, tensor }) => [`${name}.${slot}`, tensor] as const)
    ),
    trainer: {
      ...progress,
      // Orders of rows and fresh weights follow from the seed alone, which is among the settings.
      random: {},
      datasetSha256: context.dataset.sha256,
      datasetFiles: context.dataset.files.map(({ path, sha256 }) => ({ path, sha256 })),
      metricsBytes: context.metricsBytes,
      config: config as unknown as JsonObject,
    },
  });
  if (context.supersededBest !== undefined) {
    await removeCheckpoint(checkpointPath(output, context.supersededBest));
  }
  if (config.keepCheckpoints !== null) {
    await pruneCheckpoints(output, {
      keepLast: config.keepCheckpoints,
      keepSteps: progress.bestEvaluation === null ? [] : [progress.bestEvaluation.step],
    });
  }
  return path;
}

/** Returns what is saved of the weights that were trained: a model, or an adapter. */
function contentsOf(
  weights: readonly NamedTensor[],
  { prepared, config, dataset }: CheckpointContext,
): ModelContents | { readonly adapter: AdapterContents } {
  const { model, adapter } = prepared.trainee;
  const tensors = weights.map(({ name, tensor }) => [name, tensor] as const);
  const files = tokenizerFiles(prepared.tokenizer, dataset);
  if (adapter !== undefined) {
    return {
      adapter: {
        model,
        baseModel: config.model,
        config: adapter.config,
        tensors,
        tokenizerFiles: files,
      },
    };
  }
  // What was stored otherwise is float32 from now on, by either of the key's names.
  const { torch_dtype: _, ...modelConfig } = model.config;
  return {
    config: { ...modelConfig, dtype: "float32" },
    generationConfig: prepared.generationConfig,
    tensors,
    tokenizerFiles: files,
  };
}

/** A checkpoint that a run can go on from. */
export interface ResumableCheckpoint extends Checkpoint {
  /** Tensors of the optimizer. */
  readonly optimizer: NonNullable<Checkpoint["optimizer"]>;
}

/**
 * Opens the newest whole checkpoint of a run, telling of damaged ones.
 *
 * @throws {UserError} If the state of its optimizer was dropped.
 */
export async function newestCheckpoint(
  output: string,
  onWarning: (warning: string) => void,
): Promise<ResumableCheckpoint | undefined> {
  const onDamaged = ({ message }: UserError) => onWarning(message);
  const checkpoint = await latestCheckpoint(output, { onDamaged });
  if (checkpoint === undefined || isResumable(checkpoint)) return checkpoint;
  checkpoint.close();
  throw new UserError(
    `Cannot resume from "${checkpoint.path}": the state of its optimizer was dropped to save space, only its weights ` +
      `are left; start a new run from them with --model "${checkpoint.path}" and another --output`,
  );
}

function isResumable(checkpoint: Checkpoint): checkpoint is ResumableCheckpoint {
  return checkpoint.optimizer !== undefined;
}

/** Gives a trainer the weights and the optimizer's state of a checkpoint. */
export async function loadTrainer(
  trainer: Trainer,
  { checkpoint, prepared }: {
    readonly checkpoint: ResumableCheckpoint;
    readonly prepared: TrainingModel;
  },
): Promise<void> {
  const keys = [...checkpoint.optimizer.entries.keys()];
  await refuseOtherState(trainer, { path: checkpoint.path, keys });
  const averaged = keys.some((key) => key.endsWith(`.${RAW_SLOT}`));
  for await (const weight of prepared.weights()) {
    await trainer.load(averaged ? { slots: { [EMA_SLOT]: [weight] } } : { weights: [weight] });
  }
  for (const key of keys) {
    const dot = key.lastIndexOf(".");
    const slot = key.slice(dot + 1);
    const tensor = await checkpoint.optimizer.read(key) as NamedTensor["tensor"];
    const tensors = [{ name: key.slice(0, dot), tensor }];
    await trainer.load(slot === RAW_SLOT ? { weights: tensors } : { slots: { [slot]: tensors } });
  }
}

/**
 * What is saved beside the model. Where a moving average of the weights is kept, that is the model, and the weights
 * themselves lie here.
 */
function optimizerSlots({ weights, slots }: TrainableState): TrainableState["slots"] {
  const { [EMA_SLOT]: average, ...kept } = slots;
  return average === undefined ? kept : { ...kept, [RAW_SLOT]: weights };
}

/** What one optimizer kept is of no use to another. */
async function refuseOtherState(
  trainer: Trainer,
  { path, keys }: { readonly path: string; readonly keys: readonly string[] },
): Promise<void> {
  const wanted = new Set(
    Object.entries(optimizerSlots(await trainer.state())).flatMap(([slot, tensors]) =>
      tensors.map(({ name }) => `${name}.${slot}`)
    ),
  );
  if (wanted.size === keys.length && keys.every((key) => wanted.has(key))) return;
  throw new UserError(
    `Cannot resume from "${path}": it holds the state of another optimizer, or one without --ema-decay where it is ` +
      `given now, or the reverse; leave these flags out, or start a new run with --model "${path}"`,
  );
}

/** The step after finite gradients can still be too long for float32. */
function refuseNotFinite(weights: readonly NamedTensor[], step: number): void {
  const lost = weights.find(({ tensor }) => !areFinite(tensor.data));
  if (lost === undefined) return;
  throw new UserError(
    `Cannot save step ${step}: weight "${lost.name}" has become NaN or infinite; ` +
      "checkpoints saved before were kept. Lower --learning-rate",
  );
}

function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) return false;
  }
  return true;
}
