/**
 * The memory that a run will take, from the layout of its weights and the graphs that it will run.
 *
 * @module
 */

import { runMemory, type SizedTensor, valueBytes } from "../../engine/onnx/memory.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Device } from "../../engine/runtime/session.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import type { BatchShape } from "./loss_graph.ts";
import type { OptimizerConfig } from "./optimizer.ts";
import { layOutParameters, type ParameterGroup } from "./parameters.ts";
import { plannedGraphs } from "./planned_graphs.ts";
import { MAX_SESSIONS } from "./session_cache.ts";
import type { Trainee } from "./trainee.ts";

/** What memory is taken for, in bytes. */
export interface MemoryParts {
  /** Weights that are trained. */
  readonly weights: number;
  /** Their gradients, with what is summed over micro-batches. */
  readonly gradients: number;
  /** What the optimizer keeps of them. */
  readonly optimizer: number;
  /** Weights that are only read. */
  readonly frozen: number;
  /** What the graph of the largest micro-batch has in memory at once. */
  readonly activations: number;
  /** What is copied to be fed to a run and to be taken from it. */
  readonly copies: number;
  /** Compiled graphs and ONNX Runtime itself. */
  readonly runtime: number;
  /** What the process takes already: the program, its data set and its tokenizer. */
  readonly process: number;
}

/** The memory that a run will take. */
export interface MemoryPlan {
  /** What for. */
  readonly parts: MemoryParts;
  /** All of it. */
  readonly total: number;
  /** What of it lies in the machine's own memory: all of it, but on a GPU that has its own. */
  readonly host: number;
  /** What of it lies in WebAssembly's heap; 0 on other devices than `wasm`. */
  readonly wasmHeap: number;
  /** What of it lies in the GPU's memory; 0 on CPUs. */
  readonly gpu: number;
  /** The largest single tensor. */
  readonly largest: SizedTensor;
}

/** Options of {@linkcode planMemory}. */
export interface MemoryPlanOptions {
  /** Where it runs. */
  readonly device: Device;
  /** The largest micro-batch. */
  readonly shape: BatchShape;
  /** How many different shapes micro-batches have. */
  readonly shapes: number;
  /** Micro-batches of a step. */
  readonly gradientAccumulationSteps: number;
  /** How frozen matrices are kept. */
  readonly frozenDtype: FrozenDtype;
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** What the process takes already. */
  readonly processBytes: number;
}

/**
 * What allocators leave unused between blocks of many sizes. Measured on six models and shapes: what runs took beyond
 * their tensors was 5 to 28 % of these on native, less in one piece of WebAssembly memory.
 */
const FRAGMENTATION: Readonly<Record<Device, number>> = { native: 1.15, wasm: 1.1, webgpu: 1.15 };

/** What ONNX Runtime's library and its threads take before a graph is compiled. */
const LIBRARY_BYTES: Readonly<Record<Device, number>> = {
  native: 90e6,
  wasm: 200e6,
  webgpu: 150e6,
};

/** What a node takes: while the graph is described and encoded, and in the compiled graph. */
const DESCRIBED_NODE_BYTES = 12_000;
const COMPILED_NODE_BYTES = 6_000;

/** Inputs that are a micro-batch, and arrays of trained weights. */
const BATCH_OR_ARRAY = /^(?:ids|targets|token_weights|dropout\.\d+|(?:weights|gradients)\.\d+)$/;

/** Returns the memory that training `trainee` takes at its peak. */
export function planMemory(trainee: Trainee, options: MemoryPlanOptions): MemoryPlan {
  const { device, shapes, gradientAccumulationSteps, processBytes } = options;
  const layout = layOutParameters(trainee.parameters, options);
  const graphs = plannedGraphs(trainee, { ...options, layout });
  const runs = graphs.map(runMemory);
  const largestOf = (part: "activations" | "feeds" | "outputs") =>
    Math.max(...runs.map((run) => run[part]));
  const nodes = graphs.reduce((sum, graph) => sum + graph.nodes.length, 0);
  const compiled = Math.min(shapes, MAX_SESSIONS) *
    (runs.reduce((sum, { constants }) => sum + constants, 0) + nodes * COMPILED_NODE_BYTES);

  const weights = arrayBytes(layout);
  const sums = gradientAccumulationSteps > 1 && device !== "webgpu" ? 2 : 1;
  const slots = layout.flatMap((group) => [...group.slots.values()]);
  const activations = largestOf("activations") * FRAGMENTATION[device];
  const parts: MemoryParts = {
    weights,
    gradients: sums * weights,
    optimizer: arrayBytes(slots),
    frozen: frozenBytes(trainee, graphs),
    activations,
    copies: copiedBytes(device, { feeds: largestOf("feeds"), outputs: largestOf("outputs") }),
    runtime: LIBRARY_BYTES[device] + nodes * DESCRIBED_NODE_BYTES + compiled,
    process: processBytes,
  };
  const total = Object.values(parts).reduce((sum: number, bytes: number) => sum + bytes, 0);
  // Runs on a GPU write what takes the place of what they read; a checkpoint passes through the machine's memory.
  const onGpu = 2 * (weights + parts.gradients + parts.optimizer) + parts.frozen + activations;
  const beside = parts.process + parts.runtime + parts.frozen + weights + parts.optimizer;
  return {
    parts,
    total,
    host: device === "webgpu" ? beside : total,
    wasmHeap: device === "wasm"
      ? activations + largestOf("feeds") + largestOf("outputs") + compiled
      : 0,
    gpu: device === "webgpu" ? onGpu : 0,
    largest: runs.map(({ largest }) => largest).reduce((a, b) => (b.bytes > a.bytes ? b : a)),
  };
}

/** Returns what a checkpoint of it takes on the disk, but for its small files. */
export function checkpointBytes(trainee: Trainee, optimizer: OptimizerConfig): number {
  const layout = layOutParameters(trainee.parameters, { optimizer });
  return arrayBytes(layout) + arrayBytes(layout.flatMap(({ slots }) => [...slots.values()]));
}

function arrayBytes(arrays: readonly Pick<ParameterGroup, "size">[]): number {
  return 4 * arrays.reduce((sum, { size }) => sum + size, 0);
}

/** Returns what is fed of frozen weights: what the graphs read besides what is trained and the micro-batch. */
function frozenBytes({ parameters }: Trainee, graphs: readonly OnnxModel[]): number {
  const trained = new Set(parameters.map(({ name }) => name));
  const frozen = new Map(
    graphs.flatMap(({ inputs }) => inputs)
      .filter(({ name }) => !trained.has(name) && !BATCH_OR_ARRAY.test(name))
      .map((info) => [info.name, valueBytes(info)]),
  );
  return [...frozen.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function copiedBytes(
  device: Device,
  { feeds, outputs }: { readonly feeds: number; readonly outputs: number },
): number {
  switch (device) {
    case "native":
      return 0;
    case "wasm":
      // into the heap, out of it, and from there to where gradients are summed
      return feeds + 2 * outputs;
    case "webgpu":
      return 0;
  }
}
