/**
 * The graphs of training on a GPU, where weights, gradients and moments stay: losses and gradients, and AdamW.
 *
 * @module
 */

import { grad } from "../../engine/graph/autodiff.ts";
import {
  add,
  concat,
  div,
  input,
  min,
  mul,
  reciprocal,
  reduceSum,
  reshape,
  scalar,
  slice,
  sqrt,
  sub,
} from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { dropoutValues } from "./dropout.ts";
import { type FrozenDtype, frozenValues } from "./frozen_weights.ts";
import { type BatchShape, lossGraph } from "./loss_graph.ts";
import type { SlotName } from "./optimizer.ts";
import type { ParameterGroup } from "./parameters.ts";
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
  { layout, shape, kind, frozenDtype }: {
    readonly layout: readonly ParameterGroup[];
    readonly shape: BatchShape;
    readonly kind: LossKind;
    readonly frozenDtype: FrozenDtype;
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
    ...frozenValues(trainee.frozen, frozenDtype),
    trained: (name) => weights.get(name)!,
    dropout: kind === "evaluate"
      ? undefined
      : dropoutValues(trainee.adapter?.config.dropout ?? 0, "float32"),
  };
  const loss = lossGraph(trainee, { shape, values });
  const outputs: Record<string, Value> = { loss };
  if (kind === "evaluate") return outputs;
  const names = [...weights.keys()];
  const gradients = grad(loss, [...weights.values()]);
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

/** Names of the numbers that change from step to step, each float32 [1]. */
export const STEP_INPUTS = {
  /** Gradients with a larger norm are scaled down to it. */
  maxGradNorm: "max_grad_norm",
  /** 1 − learningRate · weightDecay. */
  keep: "keep",
  /** learningRate / (1 − beta1^step). */
  stepSize: "step_size",
  /** 1 / sqrt(1 − beta2^step). */
  rootScale: "root_scale",
} as const;

/** Describes one step of AdamW over all groups; `grad_norm` is the norm before clipping. */
export function deviceUpdateGraph(
  layout: readonly ParameterGroup[],
): Record<string, Value> {
  const number = (name: string): Value => input(name, "float32", [1]);
  const stepSize = number(STEP_INPUTS.stepSize);
  const rootScale = number(STEP_INPUTS.rootScale);
  const keep = number(STEP_INPUTS.keep);
  const groups = layout.map(({ size, decay, optimizer }, group) => {
    const array = (name: GroupArray): Value =>
      input(arrayName(name, { group, updated: false }), "float32", [size]);
    return {
      decay,
      optimizer,
      weights: array("weights"),
      gradients: array("gradients"),
      means: array("exp_avg"),
      squares: array("exp_avg_sq"),
    };
  });
  const sums = groups.map(({ gradients }) => reduceSum(mul(gradients, gradients), [0]));
  const norm = sqrt(sums.reduce((total, sum) => add(total, sum)));
  const clip = mul(number(STEP_INPUTS.maxGradNorm), reciprocal(add(norm, scalar(1e-6))));
  const gradientScale = min(clip, scalar(1));

  const outputs: Record<string, Value> = { grad_norm: norm };
  for (
    const [group, { decay, optimizer, weights, gradients, means, squares }] of groups.entries()
  ) {
    const { beta1, beta2, epsilon } = optimizer;
    const gradient = mul(gradients, gradientScale);
    const mean = add(means, mul(sub(gradient, means), scalar(1 - beta1)));
    const square = add(
      mul(squares, scalar(beta2)),
      mul(mul(gradient, gradient), scalar(1 - beta2)),
    );
    const denominator = add(mul(sqrt(square), rootScale), scalar(epsilon));
    const change = div(mul(mean, stepSize), denominator);
    const kept = decay ? mul(weights, keep) : weights;
    outputs[arrayName("weights", { group, updated: true })] = sub(kept, change);
    outputs[arrayName("exp_avg", { group, updated: true })] = mean;
    outputs[arrayName("exp_avg_sq", { group, updated: true })] = square;
  }
  return outputs;
}
