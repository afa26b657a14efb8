/**
 * The memory that a run will take, from the layout of its weights and the graphs that it will run.
 *
 * @module
 */

import { runMemory, type SizedTensor, valueBytes } from "../../engine/onnx/memory.ts";
import type { OnnxValueInfo } from "../../engine/onnx/model.ts";
import type { Device } from "../../engine/runtime/session.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import type { LossRegularization } from "./loss_graph.ts";
import type { OptimizerConfig } from "./optimizers/optimizer.ts";
import { layOutParameters, type ParameterGroup } from "./parameters.ts";
import { plannedGraphs } from "./planned_graphs.ts";
import { type BatchShape, isSequenceInput } from "./sequence_inputs.ts";
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
  /** What weights are loaded from, and what is copied to be fed to a run and to be taken from it. */
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
  /** Whether a moving average of the weights is kept. */
  readonly ema: boolean;
  /** Whether activations of a layer are computed anew for its gradients. */
  readonly gradientCheckpointing: boolean;
  /** What makes the loss that is trained harder. */
  readonly regularization: LossRegularization | undefined;
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
  native: 60e6,
  wasm: 200e6,
  webgpu: 150e6,
};

/** What a node takes: while the graph is described and encoded, and in the compiled graph. */
const DESCRIBED_NODE_BYTES = 12_000;
const COMPILED_NODE_BYTES = 6_000;

/** Returns the memory that training `trainee` takes at its peak. */
export function planMemory(trainee: Trainee, options: MemoryPlanOptions): MemoryPlan {
  const { device, shapes, gradientAccumulationSteps, processBytes } = options;
  const layout = layOutParameters(trainee.parameters, options);
  const graphs = graphsMemory(trainee, { ...options, layout });
  const { nodes, feeds, outputs } = graphs;
  const compiled = Math.min(shapes, MAX_SESSIONS) *
    (graphs.constants + nodes * COMPILED_NODE_BYTES);

  const weights = arrayBytes(layout);
  const sums = gradientAccumulationSteps > 1 && device !== "webgpu" ? 2 : 1;
  const slots = layout.flatMap((group) => [...group.slots.values()]);
  const activations = graphs.activations * FRAGMENTATION[device] + graphs.kept;
  const parts: MemoryParts = {
    weights,
    gradients: sums * weights,
    optimizer: arrayBytes(slots),
    frozen: graphs.frozen,
    activations,
    // what weights were read from or drawn into is rarely collected before training needs its memory
    // masks of packed rows are made anew for each micro-batch, and the last ones are not collected at once
    copies: weights + copiedBytes(device, { feeds, outputs }) + 2 * graphs.sequence,
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
    wasmHeap: device === "wasm" ? activations + feeds + outputs + compiled : 0,
    gpu: device === "webgpu" ? onGpu : 0,
    largest: { name: graphs.largestName, bytes: graphs.largest },
  };
}

/** Returns what a checkpoint of it takes on the disk, but for its small files. */
export function checkpointBytes(
  trainee: Trainee,
  options: Pick<MemoryPlanOptions, "optimizer" | "ema">,
): number {
  const layout = layOutParameters(trainee.parameters, options);
  return arrayBytes(layout) + arrayBytes(layout.flatMap(({ slots }) => [...slots.values()]));
}

function arrayBytes(arrays: readonly Pick<ParameterGroup, "size">[]): number {
  return 4 * arrays.reduce((sum, { size }) => sum + size, 0);
}

/** What the graphs of a micro-batch take: bytes, but for the number of their nodes. */
interface GraphsMemory {
  readonly activations: number;
  readonly kept: number;
  readonly feeds: number;
  readonly sequence: number;
  readonly outputs: number;
  readonly constants: number;
  readonly frozen: number;
  readonly largest: number;
  readonly nodes: number;
}

/** Micro-batches of more tokens are not described: what they take follows from smaller ones of the same length. */
const MAX_DESCRIBED_TOKENS = 8192;

type GraphsOptions = MemoryPlanOptions & { readonly layout: readonly ParameterGroup[] };

/** Returns what the graphs take; it grows evenly with the rows of a micro-batch. */
function graphsMemory(
  trainee: Trainee,
  options: GraphsOptions,
): GraphsMemory & { readonly largestName: string } {
  const { batch, seqLen } = options.shape;
  const rows = Math.max(2, Math.floor(MAX_DESCRIBED_TOKENS / seqLen));
  if (batch <= rows) return describedMemory(trainee, options);
  const of = (batch: number) =>
    describedMemory(trainee, { ...options, shape: { ...options.shape, batch } });
  const { largestName, ...many } = of(rows);
  const few = of(rows >> 1);
  const further = (batch - rows) / (rows - (rows >> 1));
  const entries = Object.entries(many) as [keyof GraphsMemory, number][];
  const extended = entries.map(([key, value]) => [key, value + further * (value - few[key])]);
  return { largestName, ...Object.fromEntries(extended) as GraphsMemory };
}

/** Returns what the graphs take, from their description. */
function describedMemory(
  trainee: Trainee,
  options: GraphsOptions,
): GraphsMemory & { readonly largestName: string } {
  const { graphs, keptBytes, inputs } = plannedGraphs(trainee, options);
  const runs = graphs.map(runMemory);
  const most = (part: "activations" | "feeds" | "outputs") =>
    Math.max(...runs.map((run) => run[part]));
  const largest = runs.map(({ largest }) => largest).reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return {
    activations: most("activations"),
    kept: keptBytes,
    feeds: most("feeds"),
    sequence: Math.max(...graphs.map((graph) => sequenceBytes(graph.inputs))),
    outputs: most("outputs"),
    constants: runs.reduce((sum, { constants }) => sum + constants, 0),
    frozen: frozenBytes(trainee, inputs),
    largest: largest.bytes,
    largestName: largest.name,
    nodes: graphs.reduce((sum, { nodes }) => sum + nodes.length, 0),
  };
}

/** Returns what a graph is fed of positions and masks. */
function sequenceBytes(inputs: readonly OnnxValueInfo[]): number {
  return inputs.filter(({ name }) => isSequenceInput(name))
    .reduce((sum, info) => sum + valueBytes(info), 0);
}

/** Returns what the graphs are fed of frozen weights, in the form in which they are kept. */
function frozenBytes(
  { parameters, frozen }: Trainee,
  inputs: readonly OnnxValueInfo[],
): number {
  const trained = new Set(parameters.map(({ name }) => name));
  const names = frozen.map(({ name }) => name);
  const fed = new Map(
    inputs
      .filter(({ name }) => !trained.has(name) && names.some((whole) => name.startsWith(whole)))
      .map((info) => [info.name, valueBytes(info)]),
  );
  return [...fed.values()].reduce((sum, bytes) => sum + bytes, 0);
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
