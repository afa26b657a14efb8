/**
 * The settings of a training run.
 *
 * @module
 */

import {
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
import { type Device, DEVICES } from "../../engine/runtime/session.ts";
import {
  OPTIMIZER_DEFAULTS,
  OPTIMIZER_FIELDS,
  type OptimizerSettings,
} from "./optimizer_settings.ts";
import {
  DECAY_TYPES,
  DEFAULT_SCHEDULE_SHAPE,
  type Schedule,
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
};

/** Runs of before these settings came have none of them. */
const SCHEDULE_FIELDS: FieldDecoders<ScheduleShape> = {
  minLrRate: optional(nullable(number({ min: 0, max: 1 })), null),
  lrDecaySteps: optional(nullable(integer({ min: 0 })), null),
  lrDecayType: optional(oneOf(DECAY_TYPES), DEFAULT_SCHEDULE_SHAPE.lrDecayType),
  lrCycles: optional(nullable(number({ min: 0 })), null),
  lrPower: optional(number({ min: 0 }), DEFAULT_SCHEDULE_SHAPE.lrPower),
  lrTimescale: optional(nullable(integer({ min: 1 })), null),
};

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
};

/**
 * Decodes settings that were read from `source`.
 *
 * @throws {UserError} If one is missing, unknown or impossible.
 */
export function parseTrainingConfig(json: unknown, source: string): TrainingConfig {
  return decode(object(fields), json, source);
}
