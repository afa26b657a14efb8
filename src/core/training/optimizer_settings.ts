/**
 * The settings of a run that choose and tune its optimizer.
 *
 * @module
 */

import { defaultsOf, type SettingTable } from "../../utils/settings/setting.ts";
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

/** The definition of each setting. */
export const OPTIMIZER_SETTINGS: SettingTable<OptimizerSettings> = {
  optimizer: {
    kind: "choice",
    choices: OPTIMIZERS,
    synonyms: { "adamw-torch": "adamw", "adamw-torch-fused": "adamw", "adamw-hf": "adamw" },
    default: "adamw",
    value: "name",
    help: "what updates the weights",
    aliases: ["optim"],
  },
  weightDecay: {
    kind: "number",
    min: 0,
    default: 0.01,
    help: "decay of weights that are matrices",
  },
  adamBeta1: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.9,
    help: "decay of the mean of gradients",
  },
  adamBeta2: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    otherwise: "0.999; lion: of gradients, 0.99",
    help: "decay of the mean of their squares",
  },
  adamEpsilon: {
    kind: "number",
    min: 0,
    default: 1e-8,
    otherwise: "1e-8",
    help: "added to the root of that",
  },
  momentum: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    otherwise: "0.9, muon 0.95",
    help: "momentum of sgd and muon",
  },
  nesterov: {
    kind: "boolean",
    off: "do not let it",
    default: null,
    otherwise: "with muon",
    help: "let momentum look a step ahead",
  },
  adafactorVariant: {
    kind: "choice",
    choices: ADAFACTOR_VARIANTS,
    default: "transformers",
    value: "name",
    help: "whose Adafactor",
  },
  adafactorScaleParameter: {
    kind: "boolean",
    default: false,
    help: "make steps of adafactor relative to the size of each weight",
  },
  adafactorBeta1: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    otherwise: "no mean is kept",
    help: "decay of the mean of changes of adafactor",
  },
  muonLearningRate: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "10/3 of --learning-rate",
    help: "learning rate of hidden matrices with muon",
  },
  muonAdjustment: {
    kind: "choice",
    choices: MUON_ADJUSTMENTS,
    default: "original",
    value: "name",
    help: "how that follows from the shape of a matrix",
  },
};

/** What each setting is where nothing else is said. */
export const OPTIMIZER_DEFAULTS: OptimizerSettings = defaultsOf(
  OPTIMIZER_SETTINGS,
) as OptimizerSettings;

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
