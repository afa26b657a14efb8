/**
 * The settings of a training run.
 *
 * @module
 */

import { TRAIN_ON, type TrainOn } from "../../datasets/train_on.ts";
import type { ModuleSelection } from "../../models/adapters/lora_config.ts";
import {
  array,
  boolean,
  decode,
  type FieldDecoders,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
} from "../../utils/json.ts";
import { type Truncation, TRUNCATIONS } from "../../datasets/truncation.ts";
import { type Device, DEVICES } from "../../engine/runtime/session.ts";
import { FROZEN_DTYPES, type FrozenDtype } from "./frozen_weights.ts";
import {
  OPTIMIZER_DEFAULTS,
  OPTIMIZER_FIELDS,
  type OptimizerSettings,
} from "./optimizer_settings.ts";
import {
  DEFAULT_SCHEDULE_SHAPE,
  type Schedule,
  SCHEDULE_FIELDS,
  SCHEDULES,
  type ScheduleShape,
} from "./schedule.ts";

/** The settings of a run; paths are absolute. */
export interface TrainingConfig extends OptimizerSettings, ScheduleShape {
  /** JSON Lines file to train on. */
  readonly dataset: string;
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
  /** JSON Lines file to evaluate on; null evaluates on nothing. */
  readonly evalDataset: string | null;
  /** Part of the data that is held out to evaluate on; null holds nothing out. */
  readonly evalSplit: number | null;
  /** Steps between evaluations; null evaluates at the end only, or after each epoch where a run may stop early. */
  readonly evalSteps: number | null;
  /** Evaluations without a better loss after which the run stops; null never stops early. */
  readonly earlyStoppingPatience: number | null;
  /** Text that the model continues now and then, to be looked at; null takes no samples. */
  readonly samplePrompt: string | null;
  /** Steps between samples; null takes one at the end only. */
  readonly sampleSteps: number | null;
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
export const TRAINING_DEFAULTS: Omit<TrainingConfig, "dataset" | "model"> = {
  device: "auto",
  threads: null,
  batchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: null,
  schedule: "cosine",
  warmupSteps: null,
  ...DEFAULT_SCHEDULE_SHAPE,
  ...OPTIMIZER_DEFAULTS,
  maxGradNorm: 1,
  labelSmoothing: 0,
  neftuneAlpha: null,
  emaDecay: null,
  maxSteps: null,
  epochs: 3,
  maxLength: null,
  trainOn: "assistant",
  truncation: "auto",
  packing: false,
  groupByLength: false,
  skipInvalidRows: false,
  dataWorkers: null,
  cache: true,
  seed: 0,
  shuffle: true,
  saveSteps: null,
  keepCheckpoints: null,
  evalDataset: null,
  evalSplit: null,
  evalSteps: null,
  earlyStoppingPatience: null,
  samplePrompt: null,
  sampleSteps: null,
  adapter: null,
  loraRank: null,
  loraAlpha: null,
  loraDropout: 0,
  loraTargetModules: null,
  loraModulesToSave: null,
  loraVariant: "lora",
  baseDtype: "f32",
  gradientCheckpointing: false,
};

/** Every kind of adapter. */
export const LORA_VARIANTS = ["lora", "rslora", "dora"] as const;

/** A kind of adapter. */
export type LoraVariant = (typeof LORA_VARIANTS)[number];

const texts = array(text());

const fields: FieldDecoders<TrainingConfig> = {
  dataset: text(),
  model: text(),
  device: oneOf([...DEVICES, "auto"]),
  threads: nullable(integer({ min: 1, max: 256 })),
  batchSize: integer({ min: 1 }),
  gradientAccumulationSteps: integer({ min: 1 }),
  learningRate: nullable(number({ min: 0 })),
  schedule: oneOf(SCHEDULES),
  warmupSteps: nullable(integer({ min: 0 })),
  ...SCHEDULE_FIELDS,
  ...OPTIMIZER_FIELDS,
  maxGradNorm: number({ min: 0 }),
  labelSmoothing: optional(number({ min: 0, max: 1 }), 0),
  neftuneAlpha: optional(nullable(number({ min: 0 })), null),
  emaDecay: optional(nullable(number({ min: 0, max: 1 })), null),
  maxSteps: nullable(integer({ min: 1 })),
  epochs: number({ min: 0 }),
  maxLength: nullable(integer({ min: 2 })),
  trainOn: optional(oneOf(TRAIN_ON), "assistant"),
  truncation: optional(oneOf(TRUNCATIONS), "auto"),
  packing: optional(boolean(), false),
  groupByLength: optional(boolean(), false),
  skipInvalidRows: optional(boolean(), false),
  dataWorkers: optional(nullable(integer({ min: 1, max: 64 })), null),
  cache: optional(boolean(), true),
  seed: integer({ min: 0, max: 2 ** 32 - 1 }),
  shuffle: boolean(),
  saveSteps: nullable(integer({ min: 1 })),
  keepCheckpoints: nullable(integer({ min: 1 })),
  evalDataset: nullable(text()),
  evalSplit: optional(nullable(number({ min: 0, max: 1 })), null),
  evalSteps: nullable(integer({ min: 1 })),
  earlyStoppingPatience: optional(nullable(integer({ min: 1 })), null),
  samplePrompt: nullable(text()),
  sampleSteps: nullable(integer({ min: 1 })),
  adapter: optional(nullable(text()), null),
  loraRank: optional(nullable(integer({ min: 1 })), null),
  loraAlpha: optional(nullable(number({ min: 0 })), null),
  loraDropout: optional(number({ min: 0, max: 0.99 }), 0),
  loraTargetModules: optional(
    nullable((value, place) => (typeof value === "string" ? value : texts(value, place))),
    null,
  ),
  loraModulesToSave: optional(nullable(texts), null),
  loraVariant: optional(oneOf(LORA_VARIANTS), "lora"),
  baseDtype: optional(oneOf(FROZEN_DTYPES), "f32"),
  gradientCheckpointing: optional(boolean(), false),
};

/**
 * Decodes settings that were read from `source`.
 *
 * @throws {UserError} If one is missing, unknown or impossible.
 */
export function parseTrainingConfig(json: unknown, source: string): TrainingConfig {
  return decode(object(fields), json, source);
}
