/**
 * The graph of training on a CPU: losses and gradients over weights that are inputs.
 *
 * @module
 */

import { grad } from "../../engine/graph/autodiff.ts";
import { input } from "../../engine/graph/build.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import { dropoutValues } from "./dropout.ts";
import { type FrozenDtype, frozenValues } from "./frozen_weights.ts";
import { type BatchShape, lossGraph } from "./loss_graph.ts";
import type { Trainee } from "./trainee.ts";

/** Prefix of the outputs that are gradients. */
export const GRADIENT = "gradient:";

/** Options of {@linkcode hostLossGraph}. */
export interface HostLossGraphOptions {
  /** The shape of the micro-batch. */
  readonly shape: BatchShape;
  /** Whether gradients are computed, too. */
  readonly training: boolean;
  /** How frozen matrices are kept. */
  readonly frozenDtype: FrozenDtype;
}

/** Describes the loss of a micro-batch, in training with the gradient of each trained weight. */
export function hostLossGraph(
  trainee: Trainee,
  { shape, training, frozenDtype }: HostLossGraphOptions,
): OnnxModel {
  const weights = new Map(
    trainee.parameters.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const dropout = trainee.adapter?.config.dropout ?? 0;
  const loss = lossGraph(trainee, {
    shape,
    values: {
      ...frozenValues(trainee.frozen, frozenDtype),
      trained: (name) => weights.get(name)!,
      dropout: training ? dropoutValues(dropout, "uint8") : undefined,
    },
  });
  const outputs: Record<string, Value> = { loss };
  if (training) {
    const names = [...weights.keys()];
    const gradients = grad(loss, [...weights.values()]);
    for (const [i, name] of names.entries()) outputs[GRADIENT + name] = gradients[i]!;
  }
  return exportGraph(outputs);
}
