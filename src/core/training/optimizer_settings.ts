/**
 * The settings of a run that choose and tune its optimizer.
 *
 * @module
 */

import {
  boolean,
  type FieldDecoders,
  nullable,
  number,
  oneOf,
  optional,
} from "../../utils/json.ts";
import { ADAFACTOR_VARIANTS, type AdafactorVariant } from "./optimizers/adafactor.ts";
import type { AdamWConfig } from "./optimizers/adamw.ts";
import { MUON_ADJUSTMENTS, type MuonAdjustment } from "./optimizers/muon.ts";
import {
  type OptimizerConfig,
  type OptimizerConfigs,
  type OptimizerName,
  OPTIMIZERS,
} from "./optimizers/optimizer.ts";

/** Settings of optimizers; those that the chosen one does not have are ignored. */
export interface OptimizerSettings {
  /** What updates the weights. */
  readonly optimizer: OptimizerName;
  /** Decay of weights that are matrices. */
  readonly weightDecay: number;
  /** Decay of the mean of gradients (AdamW, Lion). */
  readonly adamBeta1: number;
  /** Decay of the mean of squared gradients (AdamW), or of gradients (Lion); null takes 0.999, or 0.99. */
  readonly adamBeta2: number | null;
  /** Added to the root of the mean square. */
  readonly adamEpsilon: number;
  /** Momentum (SGD, Muon); null takes 0.9, or 0.95. */
  readonly momentum: number | null;
  /** Whether momentum looks one step ahead; null does with Muon, not with SGD. */
  readonly nesterov: boolean | null;
  /** Whose Adafactor. */
  readonly adafactorVariant: AdafactorVariant;
  /** Whether steps of Adafactor are relative to the root mean square of each weight. */
  readonly adafactorScaleParameter: boolean;
  /** Decay of the mean of changes (Adafactor); null keeps no mean. */
  readonly adafactorBeta1: number | null;
  /** Learning rate of hidden matrices (Muon); null takes ten thirds of the learning rate. */
  readonly muonLearningRate: number | null;
  /** How the learning rate of a hidden matrix follows from its shape. */
  readonly muonAdjustment: MuonAdjustment;
}

/** What each setting is where nothing else is said. */
export const OPTIMIZER_DEFAULTS: OptimizerSettings = {
  optimizer: "adamw",
  weightDecay: 0.01,
  adamBeta1: 0.9,
  adamBeta2: null,
  adamEpsilon: 1e-8,
  momentum: null,
  nesterov: null,
  adafactorVariant: "transformers",
  adafactorScaleParameter: false,
  adafactorBeta1: null,
  muonLearningRate: null,
  muonAdjustment: "original",
};

/** Decoders of the settings; those that came later may be missing. */
export const OPTIMIZER_FIELDS: FieldDecoders<OptimizerSettings> = {
  optimizer: optional(oneOf(OPTIMIZERS), OPTIMIZER_DEFAULTS.optimizer),
  weightDecay: number({ min: 0 }),
  adamBeta1: number({ min: 0, max: 1 }),
  adamBeta2: nullable(number({ min: 0, max: 1 })),
  adamEpsilon: number({ min: 0 }),
  momentum: optional(nullable(number({ min: 0, max: 1 })), null),
  nesterov: optional(nullable(boolean()), null),
  adafactorVariant: optional(oneOf(ADAFACTOR_VARIANTS), OPTIMIZER_DEFAULTS.adafactorVariant),
  adafactorScaleParameter: optional(boolean(), false),
  adafactorBeta1: optional(nullable(number({ min: 0, max: 1 })), null),
  muonLearningRate: optional(nullable(number({ min: 0 })), null),
  muonAdjustment: optional(oneOf(MUON_ADJUSTMENTS), OPTIMIZER_DEFAULTS.muonAdjustment),
};

/** Muon's learning rate where none is given, as a multiple of the rest's: 0.01 beside 0.003. */
const MUON_RATE_FACTOR = 10 / 3;

/** The settings of a run whose learning rate is known. */
type ResolvedSettings = OptimizerSettings & { readonly learningRate: number };

/** Returns the learning rate that a run logs: that of the weights which its optimizer is named for. */
export function mainLearningRate(settings: ResolvedSettings): number {
  const { optimizer, learningRate, muonLearningRate } = settings;
  return optimizer === "muon" ? muonLearningRate ?? learningRate * MUON_RATE_FACTOR : learningRate;
}

type Configs = {
  readonly [K in OptimizerName]: (settings: ResolvedSettings) => OptimizerConfigs[K];
};

const CONFIGS: Configs = {
  adamw,
  sgd: ({ momentum, nesterov, weightDecay }) => ({
    kind: "sgd",
    momentum: momentum ?? 0.9,
    nesterov: nesterov ?? false,
    weightDecay,
  }),
  lion: ({ adamBeta1, adamBeta2, weightDecay }) => ({
    kind: "lion",
    beta1: adamBeta1,
    beta2: adamBeta2 ?? 0.99,
    weightDecay,
  }),
  adafactor: (settings) => ({
    kind: "adafactor",
    variant: settings.adafactorVariant,
    // as both have them; torch takes the precision of float32
    epsilon1: settings.adafactorVariant === "torch" ? 2 ** -23 : 1e-30,
    epsilon2: 1e-3,
    clipThreshold: 1,
    decayRate: -0.8,
    beta1: settings.adafactorVariant === "torch" ? null : settings.adafactorBeta1,
    scaleParameter: settings.adafactorScaleParameter,
    weightDecay: settings.weightDecay,
  }),
  muon: (settings) => ({
    kind: "muon",
    momentum: settings.momentum ?? 0.95,
    nesterov: settings.nesterov ?? true,
    weightDecay: settings.weightDecay,
    adjustment: settings.muonAdjustment,
    rest: adamw(settings),
    restLearningRateFactor: settings.learningRate / (mainLearningRate(settings) || 1),
  }),
};

function adamw(settings: ResolvedSettings): AdamWConfig {
  return {
    kind: "adamw",
    beta1: settings.adamBeta1,
    beta2: settings.adamBeta2 ?? 0.999,
    epsilon: settings.adamEpsilon,
    weightDecay: settings.weightDecay,
  };
}

/** Returns the optimizer of a run. */
export function optimizerConfig(settings: ResolvedSettings): OptimizerConfig {
  return CONFIGS[settings.optimizer](settings);
}
