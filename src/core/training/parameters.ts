/**
 * Where each weight lies in the few large arrays that hold all of them. One array per group lets an optimizer pass
 * over everything in one sweep, on the CPU and on the GPU.
 *
 * @module
 */

import type { LanguageModel, WeightSpec } from "../../models/language_model.ts";
import { elementCount } from "../../engine/tensor/tensor.ts";

/** One weight and its place. */
export interface ParameterEntry {
  /** The weight. */
  readonly spec: WeightSpec;
  /** First element in its group's array. */
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
}

/** Weights that lie one after the other and are treated alike. */
export interface ParameterGroup {
  /** Whether weight decay applies: to matrices, not to norms and biases. */
  readonly decay: boolean;
  /** The weights. */
  readonly entries: readonly ParameterEntry[];
  /** Number of elements of all of them. */
  readonly size: number;
}

/** Options of {@linkcode layOutParameters}. */
export interface LayoutOptions {
  /** The most elements of a group; a single larger weight has a group of its own. @default {Infinity} */
  readonly maxGroupSize?: number;
}

/** Returns the groups of a model's weights: those that decay, then those that do not. */
export function layOutParameters(
  model: LanguageModel,
  options: LayoutOptions = {},
): ParameterGroup[] {
  const { maxGroupSize = Infinity } = options;
  const groups: ParameterGroup[] = [];
  for (const decay of [true, false]) {
    let entries: ParameterEntry[] = [];
    let size = 0;
    const close = () => {
      if (entries.length > 0) groups.push({ decay, entries, size });
      entries = [];
      size = 0;
    };
    for (const spec of model.weights) {
      if ((spec.shape.length > 1) !== decay) continue;
      const count = elementCount(spec.shape);
      if (size + count > maxGroupSize) close();
      entries.push({ spec, offset: size, size: count });
      size += count;
    }
    close();
  }
  return groups;
}
