/**
 * The graph of training on a CPU in one run: losses and gradients over weights that are inputs.
 *
 * @module
 */

import { grad } from "../../engine/graph/autodiff.ts";
import { input } from "../../engine/graph/build.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import { blockedAttend } from "../../models/blocked_attention.ts";
import { dropoutValues } from "./dropout.ts";
import { type FrozenStorage, frozenValues } from "./frozen_weights.ts";
import { dropoutRate, exportLoss, GRADIENT } from "./host_graphs.ts";
import { lossGraph, type LossRegularization } from "./loss_graph.ts";
import type { BatchShape } from "./sequence_inputs.ts";
import type { Trainee } from "./trainee.ts";

/** Options of {@linkcode hostLossGraph}. */
export interface HostLossGraphOptions {
  /** The shape of the micro-batch. */
  readonly shape: BatchShape;
  /** Whether gradients are computed, too. */
  readonly training: boolean;
  /** Whether the head sees the trained tokens only. @default {false} */
  readonly trainedOnly?: boolean;
  /** How frozen weights are kept. */
  readonly storage: FrozenStorage;
  /** What makes the loss that is trained harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
}

/** Describes the loss of a micro-batch, in training with the gradient of each trained weight. */
export function hostLossGraph(
  trainee: Trainee,
  { shape, training, trainedOnly = false, storage, regularization }: HostLossGraphOptions,
): OnnxModel {
  const weights = new Map(
    trainee.parameters.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const { loss } = lossGraph(trainee, {
    shape,
    attend: blockedAttend,
    trainedOnly,
    regularization: training ? regularization : undefined,
    values: {
      ...frozenValues(trainee, storage),
      trained: (name) => weights.get(name)!,
      dropout: training ? dropoutValues(dropoutRate(trainee), "uint8") : undefined,
    },
  });
  if (!training) return exportGraph({ loss });
  const names = [...weights.keys()];
  const gradients = grad(loss, [...weights.values()], { remake: true });
  const named = names.map((name, i) => [GRADIENT + name, gradients[i]!]);
  return exportLoss({ loss }, Object.fromEntries(named));
}
