/**
 * The graphs that a trainer will run, described before it is opened.
 *
 * @module
 */

import { exportGraph } from "../../engine/graph/export.ts";
import type { OnnxModel, OnnxValueInfo } from "../../engine/onnx/model.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { deviceLossGraph } from "./device_graphs.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import { hostLossGraph } from "./host_loss_graph.ts";
import type { LossRegularization } from "./loss_graph.ts";
import type { ParameterGroup } from "./parameters.ts";
import type { BatchShape } from "./sequence_inputs.ts";
import { createShapeGraphs } from "./shape_graphs.ts";
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
  /** Whether activations of a layer are computed anew for its gradients. */
  readonly gradientCheckpointing: boolean;
  /** What makes the loss that is trained harder. */
  readonly regularization: LossRegularization | undefined;
}

/** The graphs of a micro-batch. */
export interface PlannedGraphs {
  /** They run one after the other. */
  readonly graphs: readonly OnnxModel[];
  /** What is kept between their runs. */
  readonly keptBytes: number;
  /** What they read of weights and micro-batches, by the names that these have. */
  readonly inputs: readonly OnnxValueInfo[];
}

/** Which weights are read, and in which form, does not depend on it. */
const ANY_SHAPE: BatchShape = { batch: 1, seqLen: 16 };

/** Describes the graphs that a micro-batch is trained with. */
export function plannedGraphs(trainee: Trainee, options: PlannedGraphsOptions): PlannedGraphs {
  const { device, shape, frozenDtype, gradientCheckpointing } = options;
  const storage = { dtype: frozenDtype, gpu: device === "webgpu" };
  if (device === "webgpu") {
    const outputs = deviceLossGraph(trainee, { ...options, storage, kind: "further" });
    const graph = exportGraph(outputs, { target: "gpu" });
    return { graphs: [graph], keptBytes: 0, inputs: graph.inputs };
  }
  if (!gradientCheckpointing) {
    const graph = hostLossGraph(trainee, { ...options, storage, training: true });
    return { graphs: [graph], keptBytes: 0, inputs: graph.inputs };
  }
  const compile = () => Promise.reject(new Error("Internal: a planned graph is not run"));
  const shapeGraphs = createShapeGraphs(trainee, { ...options, storage, training: true, compile });
  // what each layer reads, what the last one makes, and the gradient that goes down
  // layers that are built alike share a graph, whose inputs are none of theirs by name
  const { inputs } = hostLossGraph(trainee, { shape: ANY_SHAPE, storage, training: false });
  const states = shapeGraphs.layers.length + 2;
  return {
    graphs: shapeGraphs.models(),
    keptBytes: 4 * states * shape.batch * shape.seqLen * trainee.model.hiddenSize,
    inputs,
  };
}
