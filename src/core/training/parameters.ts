/**
 * Where each weight lies in the few large arrays that hold all of them. One array per group lets an optimizer pass
 * over everything in one sweep, on the CPU and on the GPU.
 *
 * @module
 */

import type { WeightSpec } from "../../models/language_model.ts";
import { elementCount } from "../../engine/tensor/tensor.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";
import {
  type AssignedOptimizer,
  assignOptimizer,
  type OptimizerConfig,
  type SlotName,
  slotShapes,
} from "./optimizers/optimizer.ts";

/** One weight, or what is kept of it, and its place. */
export interface ParameterEntry {
  /** The weight; with the shape of what is kept of it, where that is meant. */
  readonly spec: WeightSpec;
  /** First element in its group's array. */
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
}

/** Tensors that lie one after the other in an array. */
export interface ParameterArray {
  /** The tensors. */
  readonly entries: readonly ParameterEntry[];
  /** Number of elements of all of them. */
  readonly size: number;
}

/** Weights that lie one after the other and are treated alike. */
export interface ParameterGroup extends ParameterArray, AssignedOptimizer {
  /** Whether weight decay applies: to matrices, not to norms and biases. */
  readonly decay: boolean;
  /** What is kept of them from step to step. */
  readonly slots: ReadonlyMap<SlotName, ParameterArray>;
}

/** Options of {@linkcode layOutParameters}. */
export interface LayoutOptions {
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** Whether a moving average of the weights is kept. @default {false} */
  readonly ema?: boolean;
  /** The most elements of a group; a single larger weight has a group of its own. @default {Infinity} */
  readonly maxGroupSize?: number;
}

/** Returns the groups of weights: those that decay, then those that do not. */
export function layOutParameters(
  parameters: readonly WeightSpec[],
  options: LayoutOptions,
): ParameterGroup[] {
  const { maxGroupSize = Infinity, ema = false } = options;
  const kinds = new Map<
    string,
    { decay: boolean; assigned: AssignedOptimizer; specs: WeightSpec[] }
  >();
  for (const decay of [true, false]) {
    for (const spec of parameters) {
      if ((spec.shape.length > 1) !== decay) continue;
      const assigned = assignOptimizer(spec, options.optimizer);
      const key = `${assigned.optimizer.kind} ${decay}`;
      if (!kinds.has(key)) kinds.set(key, { decay, assigned, specs: [] });
      kinds.get(key)!.specs.push(spec);
    }
  }
  return [...kinds.values()].flatMap(({ decay, assigned, specs }) =>
    cut(byShape(specs), maxGroupSize).map((part) => ({
      decay,
      ...assigned,
      ...layOut(part),
      slots: layOutSlots(part, { ...assigned, ema }),
    }))
  );
}

/** Returns weights of one shape next to each other, so that they can be treated as one tensor. */
function byShape(specs: readonly WeightSpec[]): WeightSpec[] {
  return [...Map.groupBy(specs, ({ shape }) => shape.join()).values()].flat();
}

/** Cuts a list of weights so that none of its parts has more than `maxSize` elements. */
function cut(specs: readonly WeightSpec[], maxSize: number): WeightSpec[][] {
  const parts: WeightSpec[][] = [];
  let size = Infinity;
  for (const spec of specs) {
    const count = elementCount(spec.shape);
    if (size + count > maxSize || parts.length === 0) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)!.push(spec);
    size += count;
  }
  return parts;
}

function layOut(specs: readonly WeightSpec[]): ParameterArray {
  let size = 0;
  const entries = specs.map((spec): ParameterEntry => {
    const entry = { spec, offset: size, size: elementCount(spec.shape) };
    size += entry.size;
    return entry;
  });
  return { entries, size };
}

function layOutSlots(
  specs: readonly WeightSpec[],
  { optimizer, ema }: AssignedOptimizer & { readonly ema: boolean },
): Map<SlotName, ParameterArray> {
  const kept = new Map<SlotName, WeightSpec[]>();
  for (const spec of specs) {
    const average = ema ? { [EMA_SLOT]: spec.shape } : {};
    const shapes = Object.entries({ ...slotShapes(optimizer, spec.shape), ...average });
    for (const [slot, shape] of shapes as [SlotName, readonly number[]][]) {
      if (!kept.has(slot)) kept.set(slot, []);
      kept.get(slot)!.push({ ...spec, shape });
    }
  }
  return new Map([...kept].map(([slot, specs]) => [slot, layOut(specs)]));
}
