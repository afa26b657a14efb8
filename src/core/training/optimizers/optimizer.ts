/**
 * The optimizers, and what state each keeps of a weight.
 *
 * @module
 */

import type { WeightSpec } from "../../../models/language_model.ts";
import { type AdafactorConfig, type AdafactorFactors, adafactorFactors } from "./adafactor.ts";
import { type AdamWConfig, type AdamWFactors, adamWFactors } from "./adamw.ts";
import { type LionConfig, type LionFactors, lionFactors } from "./lion.ts";
import { isHiddenMatrix, type MuonConfig, type MuonFactors, muonFactors } from "./muon.ts";
import { type SgdConfig, type SgdFactors, sgdFactors } from "./sgd.ts";
import type { UpdateStep } from "./update_step.ts";

/** Every optimizer. */
export const OPTIMIZERS = ["adamw", "sgd", "lion", "adafactor", "muon"] as const;

/** Name of an optimizer. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** The settings of each optimizer. */
export interface OptimizerConfigs {
  /** {@linkcode AdamWConfig} */
  readonly adamw: AdamWConfig;
  /** {@linkcode SgdConfig} */
  readonly sgd: SgdConfig;
  /** {@linkcode LionConfig} */
  readonly lion: LionConfig;
  /** {@linkcode AdafactorConfig} */
  readonly adafactor: AdafactorConfig;
  /** {@linkcode MuonConfig} */
  readonly muon: MuonConfig;
}

/** An optimizer with its settings. */
export type OptimizerConfig = OptimizerConfigs[OptimizerName];

/** The numbers that each optimizer needs for one step. */
export interface OptimizerFactors {
  /** {@linkcode AdamWFactors} */
  readonly adamw: AdamWFactors;
  /** {@linkcode SgdFactors} */
  readonly sgd: SgdFactors;
  /** {@linkcode LionFactors} */
  readonly lion: LionFactors;
  /** {@linkcode AdafactorFactors} */
  readonly adafactor: AdafactorFactors;
  /** {@linkcode MuonFactors} */
  readonly muon: MuonFactors;
}

/** The numbers of one step of some optimizer. */
export type Factors = OptimizerFactors[OptimizerName];

type FactorsOf = {
  readonly [K in OptimizerName]: (
    config: OptimizerConfigs[K],
    step: UpdateStep,
  ) => OptimizerFactors[K];
};

const FACTORS: FactorsOf = {
  adamw: adamWFactors,
  sgd: sgdFactors,
  lion: lionFactors,
  adafactor: adafactorFactors,
  muon: muonFactors,
};

/** Returns the numbers of one step. */
export function factorsOf<K extends OptimizerName>(
  config: OptimizerConfigs[K],
  step: UpdateStep,
): OptimizerFactors[K] {
  return FACTORS[config.kind as K](config, step);
}

/** The name of one kind of state, as PyTorch or `transformers` calls it. */
export type SlotName =
  | "exp_avg"
  | "exp_avg_sq"
  | "exp_avg_sq_row"
  | "exp_avg_sq_col"
  | "momentum_buffer"
  | "ema";

/** The state that is kept of one weight: the shape of each slot. */
export type SlotShapes = Readonly<Partial<Record<SlotName, readonly number[]>>>;

type SlotsOf = {
  readonly [K in OptimizerName]: (
    shape: readonly number[],
    config: OptimizerConfigs[K],
  ) => SlotShapes;
};

const SLOTS: SlotsOf = {
  adamw: (shape) => ({ exp_avg: shape, exp_avg_sq: shape }),
  sgd: (shape, { momentum }): SlotShapes => momentum === 0 ? {} : { momentum_buffer: shape },
  lion: (shape) => ({ exp_avg: shape }),
  adafactor: (shape, { beta1 }) => ({
    ...(shape.length < 2 ? { exp_avg_sq: shape } : {
      exp_avg_sq_row: shape.slice(0, -1),
      exp_avg_sq_col: [...shape.slice(0, -2), shape.at(-1)!],
    }),
    ...(beta1 === null ? {} : { exp_avg: shape }),
  }),
  muon: (shape) => ({ momentum_buffer: shape }),
};

/** Returns the shape of each slot that an optimizer keeps of a weight of shape `shape`. */
export function slotShapes<K extends OptimizerName>(
  config: OptimizerConfigs[K],
  shape: readonly number[],
): SlotShapes {
  return SLOTS[config.kind as K](shape, config);
}

/** What a weight is left to. */
export interface AssignedOptimizer {
  /** The optimizer. */
  readonly optimizer: OptimizerConfig;
  /** Factor of the learning rate of the step. */
  readonly learningRateFactor: number;
}

/** Returns what a weight is left to when a model is trained with `optimizer`. */
export function assignOptimizer(spec: WeightSpec, optimizer: OptimizerConfig): AssignedOptimizer {
  return optimizer.kind === "muon" && !isHiddenMatrix(spec)
    ? { optimizer: optimizer.rest, learningRateFactor: optimizer.restLearningRateFactor }
    : { optimizer, learningRateFactor: 1 };
}
