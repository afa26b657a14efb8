/**
 * Training on a CPU: ONNX Runtime computes losses and gradients, threads update the weights in host memory.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { encodeModel, type OnnxModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { type FrozenDtype, type FrozenStorage, storeFrozen } from "./frozen_weights.ts";
import { GradientSums } from "./gradient_sums.ts";
import type { HostGraphs } from "./host_graphs.ts";
import { HostOptimizer } from "./host_optimizer.ts";
import { LayeredGraphs } from "./layered_graphs.ts";
import type { LossRegularization } from "./loss_graph.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";
import type { OptimizerConfig } from "./optimizers/optimizer.ts";
import { layOutParameters, type ParameterArray, type ParameterGroup } from "./parameters.ts";
import type { Trainee } from "./trainee.ts";
import type {
  AccumulateOptions,
  NamedTensor,
  TrainableState,
  Trainer,
  UpdateOptions,
  UpdateResult,
} from "./trainer.ts";
import { WholeGraph } from "./whole_graph.ts";

/** Options of {@linkcode HostTrainer}. */
export interface HostTrainerOptions {
  /** How frozen matrices are kept. */
  readonly frozenDtype: FrozenDtype;
  /** `native` or `wasm`. */
  readonly device: Device;
  /** CPU threads. */
  readonly threads: number;
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** Decay of the moving average of the weights; null keeps none. @default {null} */
  readonly emaDecay?: number | null;
  /** What makes the loss that is trained harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
  /** Whether the model is computed layer by layer, which takes less memory and more time. */
  readonly layered: boolean;
}

/** Trains a model whose weights are in host memory. */
export class HostTrainer implements Trainer {
  readonly #trainee: Trainee;
  readonly #storage: FrozenStorage;
  readonly #layout: readonly ParameterGroup[];
  readonly #optimizer: HostOptimizer;
  readonly #graphs: HostGraphs;
  readonly #gradients: GradientSums;
  readonly #frozen: Record<string, Tensor> = {};
  #finite = true;

  private constructor(
    trainee: Trainee,
    layout: readonly ParameterGroup[],
    { optimizer, options }: {
      readonly optimizer: HostOptimizer;
      readonly options: HostTrainerOptions;
    },
  ) {
    this.#trainee = trainee;
    this.#storage = { dtype: options.frozenDtype, gpu: false };
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#gradients = new GradientSums(byName(this.#views("gradients")));
    const evaluated = optimizer.groups.map(({ weights, slots }) => slots[EMA_SLOT] ?? weights);
    const tensors = {
      weights: byName(this.#views("weights")),
      evaluated: byName(viewsOf(layout, evaluated)),
      gradients: this.#gradients,
      frozen: this.#frozen,
    };
    const { device, threads, regularization } = options;
    const compile = (graph: OnnxModel) =>
      openSession(encodeModel(graph), { device, threads, keepMemory: false, trains: true });
    const Graphs = options.layered ? LayeredGraphs : WholeGraph;
    this.#graphs = new Graphs(trainee, {
      tensors,
      storage: this.#storage,
      regularization,
      compile,
    });
  }

  /** Allocates weights, gradients and what the optimizer keeps, all zero. */
  static async open(trainee: Trainee, options: HostTrainerOptions): Promise<HostTrainer> {
    const layout = layOutParameters(trainee.parameters, {
      optimizer: options.optimizer,
      ema: (options.emaDecay ?? null) !== null,
    });
    const optimizer = await HostOptimizer.open(layout, options);
    return new HostTrainer(trainee, layout, { optimizer, options });
  }

  /** See {@linkcode Trainer.freeze}. */
  freeze(weight: NamedTensor): void {
    const { model } = this.#trainee;
    Object.assign(this.#frozen, storeFrozen(weight, { model, storage: this.#storage }));
  }

  /** See {@linkcode Trainer.accumulate}. */
  async accumulate(batch: MicroBatch, options: AccumulateOptions): Promise<number> {
    return this.#note(await this.#graphs.accumulate(batch, options));
  }

  /** See {@linkcode Trainer.update}. */
  async update({ step, learningRate, maxGradNorm }: UpdateOptions): Promise<UpdateResult> {
    this.#gradients.complete();
    const gradNorm = this.#note(await this.#optimizer.gradientNorm());
    const applied = this.#finite;
    if (applied) {
      const gradientScale = clipScale(gradNorm, maxGradNorm);
      await this.#optimizer.update({ step, learningRate, gradientScale });
    }
    this.#gradients.clear();
    this.#finite = true;
    return { gradNorm, applied };
  }

  /** See {@linkcode Trainer.evaluate}. */
  evaluate(batch: MicroBatch): Promise<number> {
    return this.#graphs.evaluate(batch);
  }

  /** See {@linkcode Trainer.state}. */
  state(): Promise<TrainableState> {
    return Promise.resolve({
      weights: this.#views("weights"),
      slots: slotViews(this.#layout, this.#optimizer.groups.map(({ slots }) => slots)),
    });
  }

  /** See {@linkcode Trainer.load}. */
  async load({ weights = [], slots = {} }: Partial<TrainableState>): Promise<void> {
    const state = await this.state();
    copyTensors(weights, state.weights);
    for (const [slot, tensors] of Object.entries(slots)) {
      copyTensors(tensors, state.slots[slot] ?? []);
    }
  }

  /** Stops the threads and frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#optimizer[Symbol.asyncDispose]();
    await this.#graphs[Symbol.asyncDispose]();
  }

  #views(kind: "weights" | "gradients"): NamedTensor[] {
    return viewsOf(this.#layout, this.#optimizer.groups.map((group) => group[kind]));
  }

  #note(value: number): number {
    if (!Number.isFinite(value)) this.#finite = false;
    return value;
  }
}

/** Returns the factor that brings gradients of norm `gradNorm` down to `maxGradNorm`, as PyTorch's clipping does. */
export function clipScale(gradNorm: number, maxGradNorm: number): number {
  return maxGradNorm > 0 ? Math.min(1, maxGradNorm / (gradNorm + 1e-6)) : 1;
}

/** Returns each parameter's part of its group's array, in the order of the layout. */
export function viewsOf(
  layout: readonly ParameterArray[],
  arrays: readonly Float32Array[],
): NamedTensor[] {
  return layout.flatMap(({ entries }, group) =>
    entries.map(({ spec, offset, size }) => ({
      name: spec.name,
      tensor: tensor("float32", spec.shape, arrays[group]!.subarray(offset, offset + size)),
    }))
  );
}

/** Returns what is kept of each parameter as parts of the arrays of its group, by slot. */
export function slotViews(
  layout: readonly ParameterGroup[],
  arrays: readonly Readonly<Partial<Record<string, Float32Array>>>[],
): Record<string, NamedTensor[]> {
  const views: Record<string, NamedTensor[]> = {};
  for (const [group, { slots }] of layout.entries()) {
    for (const [slot, array] of slots) {
      (views[slot] ??= []).push(...viewsOf([array], [arrays[group]![slot]!]));
    }
  }
  return views;
}

/** Copies elements from tensors to those of the same names. */
export function copyTensors(from: readonly NamedTensor[], to: readonly NamedTensor[]): void {
  const targets = new Map(to.map(({ name, tensor }) => [name, tensor]));
  for (const { name, tensor } of from) targets.get(name)!.data.set(tensor.data);
}

function byName(tensors: readonly NamedTensor[]): Record<string, Tensor<"float32">> {
  return Object.fromEntries(tensors.map(({ name, tensor }) => [name, tensor]));
}
