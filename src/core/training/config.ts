/**
 * The settings of a training run.
 *
 * @module
 */

import type { FormatChoice } from "../../datasets/formats.ts";
import type { TrainOn } from "../../datasets/train_on.ts";
import type { Truncation } from "../../datasets/truncation.ts";
import type { Device } from "../../engine/runtime/session.ts";
import type { ModuleSelection } from "../../models/adapters/lora_config.ts";
import { decode, object } from "../../utils/json.ts";
import { fieldsOf } from "../../utils/settings/rules.ts";
import { defaultsOf } from "../../utils/settings/setting.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import type { OptimizerSettings } from "./optimizer_settings.ts";
import type { Schedule, ScheduleShape } from "./schedule.ts";
import { type LoraVariant, TRAINING_SETTINGS } from "./settings.ts";

export { LORA_VARIANTS, type LoraVariant } from "./settings.ts";

/** The settings of a run; paths are absolute. */
export interface TrainingConfig extends OptimizerSettings, ScheduleShape {
  /** Files and folders to train on, with commas between them, each perhaps with a weight behind a colon. */
  readonly dataset: string;
  /** The form of the rows; null finds it out. */
  readonly format: FormatChoice | null;
  /** A preset's name or a model folder. */
  readonly model: string;
  /** Where to run. */
  readonly device: Device | "auto";
  /** CPU threads; null takes one per processor. */
  readonly threads: number | null;
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of a step. */
  readonly gradientAccumulationSteps: number;
  /** The learning rate at its highest; null takes 1e-3 for a new model, 1e-4 for a trained one. */
  readonly learningRate: number | null;
  /** What the learning rate does after its warm-up. */
  readonly schedule: Schedule;
  /** Steps over which it rises from 0; null takes a twentieth of the run, at most 100. */
  readonly warmupSteps: number | null;
  /** Gradients with a larger norm are scaled down to it; 0 never does. */
  readonly maxGradNorm: number;
  /** The part of each target that is shared out evenly over all tokens; 0 smooths nothing. */
  readonly labelSmoothing: number;
  /** Strength of the noise on embeddings (NEFTune); null adds none. */
  readonly neftuneAlpha: number | null;
  /** Decay of the moving average of the weights, which is then evaluated and saved; null keeps none. */
  readonly emaDecay: number | null;
  /** Optimizer steps of the run; null takes `epochs`. */
  readonly maxSteps: number | null;
  /** Passes over the data, where `maxSteps` is null. */
  readonly epochs: number;
  /** Most tokens of an example; null takes what the model was made for, at most 512. */
  readonly maxLength: number | null;
  /** Which tokens of conversations and completions are trained. */
  readonly trainOn: TrainOn;
  /** What becomes of a longer one. */
  readonly truncation: Truncation;
  /** Whether examples share rows of `maxLength` tokens, each apart from the others. */
  readonly packing: boolean;
  /** Whether rows of about the same length share a micro-batch. */
  readonly groupByLength: boolean;
  /** Whether rows that cannot be used are left out; else a data set with one is refused. */
  readonly skipInvalidRows: boolean;
  /** Threads that turn rows into tokens; null takes two, where there are as many processors. */
  readonly dataWorkers: number | null;
  /** Whether tokens are kept for further runs, and taken from earlier ones. */
  readonly cache: boolean;
  /** Decides the order of rows and the weights of a new model. */
  readonly seed: number;
  /** Whether each epoch has an order of its own. */
  readonly shuffle: boolean;
  /** Steps between checkpoints; null saves one at the end only. */
  readonly saveSteps: number | null;
  /** How many of the newest checkpoints stay; null keeps all. */
  readonly keepCheckpoints: number | null;
  /** Files and folders to evaluate on; null evaluates on nothing. */
  readonly evalDataset: string | null;
  /** Part of the data that is held out to evaluate on; null holds nothing out. */
  readonly evalSplit: number | null;
  /** Steps between evaluations; null evaluates at the end only, or after each epoch where a run may stop early. */
  readonly evalSteps: number | null;
  /** Evaluations without a better loss after which the run stops; null never stops early. */
  readonly earlyStoppingPatience: number | null;
  /** Whether the checkpoint with the lowest loss stays beside the newest, where a run is evaluated on its way. */
  readonly saveBest: boolean;
  /** Texts that the model continues at the beginning, now and then and at the end, to be looked at. */
  readonly samplePrompts: readonly string[];
  /** Steps between samples; null takes some at the beginning and at the end only. */
  readonly sampleSteps: number | null;
  /** Where the run is shown besides: names of trackers, or `<name>=<folder or address>`. */
  readonly trackers: readonly string[];
  /** Experiment of MLflow, project of W&B; null takes that of the environment, or `llm-training`. */
  readonly trackerProject: string | null;
  /** What trackers call the run; null takes that of the environment, or the name of its folder. */
  readonly trackerRunName: string | null;
  /** Folder of an adapter to go on from; null has none. */
  readonly adapter: string | null;
  /** Width of a new adapter; null trains the model itself, or goes on from `adapter`. */
  readonly loraRank: number | null;
  /** Numerator of the adapter's scale; null takes twice the rank. */
  readonly loraAlpha: number | null;
  /** Part of what the adapter reads that is left out in training. */
  readonly loraDropout: number;
  /** Names of the linear layers that are adapted, or a pattern; null adapts all. */
  readonly loraTargetModules: ModuleSelection | null;
  /** Modules that are trained whole beside the adapter; null has none. */
  readonly loraModulesToSave: readonly string[] | null;
  /** The kind of adapter. */
  readonly loraVariant: LoraVariant;
  /** How the matrices of the model that an adapter is trained for are kept in memory. */
  readonly baseDtype: FrozenDtype;
  /** Whether activations are computed anew for the gradients instead of being kept. */
  readonly gradientCheckpointing: boolean;
}

/** What each setting is where nothing else is said; `dataset` and `model` must be. */
export const TRAINING_DEFAULTS: Omit<TrainingConfig, "dataset" | "model"> = defaultsOf(
  TRAINING_SETTINGS,
) as Omit<TrainingConfig, "dataset" | "model">;

const decodeConfig = object(fieldsOf(TRAINING_SETTINGS));

/**
 * Decodes settings that were read from `source`.
 *
 * @throws {UserError} If one is unknown or impossible, or the data or the model is missing.
 */
export function parseTrainingConfig(json: unknown, source: string): TrainingConfig {
  return decode(decodeConfig, withNewNames(json), source);
}

/** Settings of before had one prompt only. */
function withNewNames(json: unknown): unknown {
  if (typeof json !== "object" || json === null || !("samplePrompt" in json)) return json;
  const { samplePrompt, ...rest } = json;
  return typeof samplePrompt === "string" ? { samplePrompts: [samplePrompt], ...rest } : rest;
}
