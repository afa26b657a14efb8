/**
 * The graphs that a trainer will run, described before it is opened.
 *
 * @module
 */

import { exportGraph } from "../../engine/graph/export.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { deviceLossGraph } from "./device_graphs.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import { hostLossGraph } from "./host_loss_graph.ts";
import type { BatchShape } from "./loss_graph.ts";
import type { ParameterGroup } from "./parameters.ts";
import type { Trainee } from "./trainee.ts";

/** Options of {@linkcode plannedGraphs}. */
export interface PlannedGraphsOptions {
  /** Where they run. */
  readonly device: Device;
  /** The shape of the micro-batch. */
  readonly shape: BatchShape;
  /** Where the weights lie. */
  readonly layout: readonly ParameterGroup[];
  /** How frozen matrices are kept. */
  readonly frozenDtype: FrozenDtype;
}

/** Describes the graphs that a micro-batch is trained with, one run after the other. */
export function plannedGraphs(
  trainee: Trainee,
  { device, shape, layout, frozenDtype }: PlannedGraphsOptions,
): readonly OnnxModel[] {
  if (device !== "webgpu") {
    return [hostLossGraph(trainee, { shape, training: true, frozenDtype })];
  }
  const outputs = deviceLossGraph(trainee, { layout, shape, kind: "further", frozenDtype });
  return [exportGraph(outputs, { target: "gpu" })];
}
