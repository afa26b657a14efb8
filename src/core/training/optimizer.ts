/**
 * The optimizers, and what state each keeps of a weight.
 *
 * @module
 */

import type { WeightSpec } from "../../models/language_model.ts";
import type { AdamWConfig } from "./adamw.ts";

/** Every optimizer. */
export const OPTIMIZERS = ["adamw"] as const;

/** Name of an optimizer. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** An optimizer with its settings. */
export type OptimizerConfig = AdamWConfig;

/** The name of one kind of state, as PyTorch calls it: `exp_avg` of each weight, for example. */
export type SlotName = "exp_avg" | "exp_avg_sq";

/** The state that is kept of one weight: the shape of each slot. */
export type SlotShapes = Readonly<Partial<Record<SlotName, readonly number[]>>>;

type Slots = {
  readonly [K in OptimizerName]: (
    shape: readonly number[],
    optimizer: Extract<OptimizerConfig, { readonly kind: K }>,
  ) => SlotShapes;
};

const SLOTS: Slots = {
  adamw: (shape) => ({ exp_avg: shape, exp_avg_sq: shape }),
};

/** Returns the shape of each slot that `optimizer` keeps of a weight of shape `shape`. */
export function slotShapes(optimizer: OptimizerConfig, shape: readonly number[]): SlotShapes {
  return SLOTS[optimizer.kind](shape, optimizer);
}

/** Returns the optimizer that a weight is left to. */
export function optimizerOf(_spec: WeightSpec, optimizer: OptimizerConfig): OptimizerConfig {
  return optimizer;
}
