/**
 * What a trainer in host memory asks of the graphs that compute losses and gradients.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { FrozenStorage } from "./frozen_weights.ts";
import type { GradientSums } from "./gradient_sums.ts";
import type { LossRegularization } from "./loss_graph.ts";
import type { Trainee } from "./trainee.ts";
import type { AccumulateOptions } from "./trainer.ts";

/** Computes losses and gradients of micro-batches, by one graph or by several. */
export interface HostGraphs extends AsyncDisposable {
  /**
   * Adds the gradients of a micro-batch to {@linkcode HostTensors.gradients}.
   *
   * @returns The weighted sum of its token losses.
   */
  accumulate(batch: MicroBatch, options: AccumulateOptions): Promise<number>;
  /** Returns the sum of the token losses of a micro-batch. */
  evaluate(batch: MicroBatch): Promise<number>;
}

/** What graphs read and write in host memory. */
export interface HostTensors {
  /** What is trained, by name. */
  readonly weights: Readonly<Record<string, Tensor>>;
  /** What evaluations take for it: its moving average, where one is kept. */
  readonly evaluated: Readonly<Record<string, Tensor>>;
  /** The gradients of what is trained. */
  readonly gradients: GradientSums;
  /** What is fed of frozen weights, by the names of inputs; complete before the first run. */
  readonly frozen: Readonly<Record<string, Tensor>>;
}

/** Compiles a graph. */
export type CompileGraph = (graph: OnnxModel) => Promise<Session>;

/** How graphs are made and run. */
export interface HostGraphsOptions {
  /** What they read and write. */
  readonly tensors: HostTensors;
  /** How frozen weights are kept. */
  readonly storage: FrozenStorage;
  /** What makes the loss that is trained harder. */
  readonly regularization: LossRegularization | undefined;
  /** Compiles a graph. */
  readonly compile: CompileGraph;
}

/** Prefix of the outputs that are gradients. */
export const GRADIENT = "gradient:";

/** Returns the part of what an adapter reads that is left out in training. */
export function dropoutRate({ adapter }: Trainee): number {
  return adapter?.config.dropout ?? 0;
}

/** Returns the one element of a host tensor. */
export function scalarOf(value: unknown): number {
  return Number((value as Tensor).data[0]);
}

/**
 * Returns a model of a loss and gradients. What is written last is computed first: the loss, after which the logits are
 * read no more. What is returned first need not be: fetching stops after the last output that is wanted.
 */
export function exportLoss(
  loss: Readonly<Record<string, Value>>,
  gradients: Readonly<Record<string, Value>>,
): OnnxModel {
  const model = exportGraph({ ...gradients, ...loss });
  return { ...model, outputs: [model.outputs.at(-1)!, ...model.outputs.slice(0, -1)] };
}
