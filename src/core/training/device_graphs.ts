/**
 * The graphs of training on a GPU, where weights, gradients and the optimizer's state stay: losses and gradients, and updates.
 *
 * @module
 */

import { grad } from "../../engine/graph/autodiff.ts";
import {
  add,
  concat,
  input,
  min,
  mul,
  reciprocal,
  reduceSum,
  reshape,
  scalar,
  slice,
  sqrt,
} from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { dropoutValues } from "./dropout.ts";
import { type FrozenStorage, frozenValues } from "./frozen_weights.ts";
import { lossGraph, type LossRegularization } from "./loss_graph.ts";
import {
  deviceUpdate,
  moved,
  type UpdatedWeights,
  UPDATES_WHOLE_WEIGHTS,
} from "./optimizers/device_updates.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";
import type { SlotName } from "./optimizers/optimizer.ts";
import type { ParameterEntry, ParameterGroup } from "./parameters.ts";
import type { BatchShape } from "./sequence_inputs.ts";
import type { Trainee, WeightValues } from "./trainee.ts";

/** What an array of a group holds. */
export type GroupArray = "weights" | "gradients" | SlotName;

/** Returns the name of an array of a group: an input, or the output that takes its place. */
export function arrayName(
  array: GroupArray,
  { group, updated }: { readonly group: number; readonly updated: boolean },
): string {
  return `${updated ? "new_" : ""}${array}.${group}`;
}

/** Names of outputs that take the place of an array. */
export const UPDATED: RegExp = /^new_/;

/** What a graph of losses is to compute. */
export type LossKind =
  /** The loss alone. */
  | "evaluate"
  /** The loss and its gradients. */
  | "first"
  /** The loss, and its gradients added to those before. */
  | "further";

/** Describes losses and gradients over weights that lie in the arrays of `layout`. */
export function deviceLossGraph(
  trainee: Trainee,
  { layout, shape, kind, storage, regularization, gradientCheckpointing }: {
    readonly layout: readonly ParameterGroup[];
    readonly shape: BatchShape;
    readonly kind: LossKind;
    /** How frozen weights are kept. */
    readonly storage: FrozenStorage;
    /** What makes the loss that is trained harder. */
    readonly regularization: LossRegularization | undefined;
    /** Whether layers are computed anew for their gradients. */
    readonly gradientCheckpointing: boolean;
  },
): Record<string, Value> {
  const weights = new Map<string, Value>();
  for (const [group, { entries, size }] of layout.entries()) {
    const name = arrayName("weights", { group, updated: false });
    const flat = input(name, "float32", [size]);
    for (const { spec, offset, size: count } of entries) {
      const part = slice(flat, { axis: 0, start: offset, end: offset + count });
      weights.set(spec.name, reshape(part, spec.shape));
    }
  }
  const values: WeightValues = {
    ...frozenValues(trainee, storage),
    trained: (name) => weights.get(name)!,
    dropout: kind === "evaluate"
      ? undefined
      : dropoutValues(trainee.adapter?.config.dropout ?? 0, "float32"),
  };
  const { loss, states } = lossGraph(trainee, {
    shape,
    values,
    regularization: kind === "evaluate" ? undefined : regularization,
  });
  const outputs: Record<string, Value> = { loss };
  if (kind === "evaluate") return outputs;
  const names = [...weights.keys()];
  const checkpoints = gradientCheckpointing ? states : [];
  const gradients = grad(loss, [...weights.values()], { checkpoints });
  for (const [group, { entries, size }] of layout.entries()) {
    const parts = entries.map(({ spec, size: count }) =>
      reshape(gradients[names.indexOf(spec.name)]!, [count])
    );
    const flat = parts.length === 1 ? parts[0]! : concat(parts, 0);
    const before = arrayName("gradients", { group, updated: false });
    outputs[arrayName("gradients", { group, updated: true })] = kind === "first"
      ? flat
      : add(flat, input(before, "float32", [size]));
  }
  return outputs;
}

/** The input that is the norm to which gradients with a larger one are scaled down, float32 [1]. */
export const MAX_GRAD_NORM = "max_grad_norm";

/** Returns the name of the input that is a number of the step for the optimizer of a group, float32 [1]. */
export function factorName(factor: string, group: number): string {
  return `${factor}.${group}`;
}

/** Describes one step of the optimizers of all groups; `grad_norm` is the norm before clipping. */
export function deviceUpdateGraph(
  layout: readonly ParameterGroup[],
  { emaDecay }: { readonly emaDecay: number | null },
): Record<string, Value> {
  const inputs = new Map<string, Value>();
  const inputOf = (name: string, size: number): Value => {
    if (!inputs.has(name)) inputs.set(name, input(name, "float32", [size]));
    return inputs.get(name)!;
  };
  const arrayOf = (array: GroupArray, group: number): Value => {
    const { size, slots } = layout[group]!;
    const count = array === "weights" || array === "gradients" ? size : slots.get(array)!.size;
    return inputOf(arrayName(array, { group, updated: false }), count);
  };
  const gradients = layout.map((_, group) => arrayOf("gradients", group));
  const sums = gradients.map((values, group) => sumOfSquares(values, layout[group]!.size));
  const norm = sqrt(sums.reduce((total, sum) => add(total, sum)));
  const clip = mul(inputOf(MAX_GRAD_NORM, 1), reciprocal(add(norm, scalar(1e-6))));
  const gradientScale = min(clip, scalar(1));

  const outputs: Record<string, Value> = { grad_norm: norm };
  for (const [group, parameters] of layout.entries()) {
    const updated = updateGroup(parameters, {
      weights: arrayOf("weights", group),
      gradients: mul(gradients[group]!, gradientScale),
      slot: (name) => arrayOf(name, group),
      factor: (name) => inputOf(factorName(name, group), 1),
    });
    if (emaDecay !== null) {
      updated.set(
        EMA_SLOT,
        moved(arrayOf(EMA_SLOT, group), updated.get("weights")!, scalar(1 - emaDecay)),
      );
    }
    for (const [array, value] of updated) {
      outputs[arrayName(array, { group, updated: true })] = value;
    }
  }
  return outputs;
}

/** Elements that are summed on their own: a GPU gives each sum one group of threads, however long it is. */
const SUMMED_TOGETHER = 4096;

/** Describes the sum of the squares of `values` [size], as [1]. */
function sumOfSquares(values: Value, size: number): Value {
  const squares = mul(values, values);
  const rows = Math.floor(size / SUMMED_TOGETHER);
  if (rows < 2) return reduceSum(squares, [0]);
  const cut = rows * SUMMED_TOGETHER;
  const blocks = reshape(slice(squares, { axis: 0, start: 0, end: cut }), [rows, SUMMED_TOGETHER]);
  const sum = reduceSum(reshape(reduceSum(blocks, [1]), [rows]), [0]);
  return cut === size
    ? sum
    : add(sum, reduceSum(slice(squares, { axis: 0, start: cut, end: size }), [0]));
}

/** The arrays of a group as the update reads them. */
interface GroupValues {
  readonly weights: Value;
  /** Clipped. */
  readonly gradients: Value;
  readonly slot: (name: SlotName) => Value;
  readonly factor: (name: string) => Value;
}

/** Describes what takes the place of the arrays of a group. */
function updateGroup(
  { entries, slots, optimizer: config, size }: ParameterGroup,
  { weights, gradients, slot, factor }: GroupValues,
): Map<GroupArray, Value> {
  const names = [...slots.keys()].filter((name) => name !== EMA_SLOT);
  if (!UPDATES_WHOLE_WEIGHTS[config.kind]) {
    const flat = Object.fromEntries(names.map((name) => [name, slot(name)]));
    const inputs = { shape: [size], weights, gradient: gradients, slots: flat };
    return joined([deviceUpdate(inputs, { config, factor })]);
  }
  const updates = [...Map.groupBy(entries, ({ spec }) => spec.shape.join()).values()].map((run) => {
    const { spec: { name, shape } } = run[0]!;
    const count = run.length;
    const kept = names.flatMap((slotName) => {
      const entry = slots.get(slotName)!.entries.find(({ spec }) => spec.name === name);
      return entry === undefined ? [] : [[slotName, stacked(slot(slotName), { entry, count })]];
    });
    return deviceUpdate({
      shape,
      weights: stacked(weights, { entry: run[0]!, count }),
      gradient: stacked(gradients, { entry: run[0]!, count }),
      slots: Object.fromEntries(kept),
    }, { config, factor });
  });
  return joined(updates);
}

/** Cuts `count` tensors of the shape of `entry`, which is the first, out of the array in which they follow each other. */
function stacked(
  flat: Value,
  { entry: { spec, offset, size }, count }: {
    readonly entry: ParameterEntry;
    readonly count: number;
  },
): Value {
  const part = slice(flat, { axis: 0, start: offset, end: offset + count * size });
  return reshape(part, [count, ...spec.shape]);
}

/** Puts the parts of arrays that were updated alone together. */
function joined(updates: readonly UpdatedWeights[]): Map<GroupArray, Value> {
  const parts = new Map<GroupArray, Value[]>();
  const append = (array: GroupArray, value: Value) => {
    const size = value.shape.reduce<number>((product, dim) => product * (dim as number), 1);
    parts.set(array, [...parts.get(array) ?? [], reshape(value, [size])]);
  };
  for (const { weights, slots } of updates) {
    append("weights", weights);
    for (const [name, value] of Object.entries(slots)) append(name as SlotName, value);
  }
  return new Map(
    [...parts].map((
      [array, values],
    ) => [array, values.length === 1 ? values[0]! : concat(values, 0)]),
  );
}
