/**
 * Training on a CPU: ONNX Runtime computes losses and gradients, threads update the weights in host memory.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { encodeModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { dropoutMasks } from "./dropout.ts";
import { type FrozenDtype, storeFrozen } from "./frozen_weights.ts";
import { GRADIENT, hostLossGraph } from "./host_loss_graph.ts";
import { HostOptimizer } from "./host_optimizer.ts";
import { type BatchShape, lossFeeds } from "./loss_graph.ts";
import type { OptimizerConfig } from "./optimizer.ts";
import { layOutParameters, type ParameterArray, type ParameterGroup } from "./parameters.ts";
import { type CompiledGraph, SessionCache } from "./session_cache.ts";
import type { Trainee } from "./trainee.ts";
import type {
  AccumulateOptions,
  NamedTensor,
  TrainableState,
  Trainer,
  UpdateOptions,
  UpdateResult,
} from "./trainer.ts";

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
}

/** Trains a model whose weights are in host memory. */
export class HostTrainer implements Trainer {
  readonly #trainee: Trainee;
  readonly #frozenDtype: FrozenDtype;
  readonly #layout: readonly ParameterGroup[];
  readonly #optimizer: HostOptimizer;
  readonly #sessions: SessionCache;
  readonly #weights: Readonly<Record<string, Tensor>>;
  readonly #gradients: Readonly<Record<string, Tensor>>;
  readonly #frozen: Record<string, Tensor> = {};
  /** Where the gradients of later micro-batches of a step go before they are added. */
  #scratch: { arrays: Float32Array[]; tensors: Readonly<Record<string, Tensor>> } | undefined;
  #accumulated = 0;
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
    this.#frozenDtype = options.frozenDtype;
    this.#layout = layout;
    this.#optimizer = optimizer;
    const { device, threads } = options;
    this.#sessions = new SessionCache((graph) =>
      openSession(encodeModel(graph), { device, threads, keepMemory: false })
    );
    this.#weights = byName(this.#views("weights"));
    this.#gradients = byName(this.#views("gradients"), GRADIENT);
  }

  /** Allocates weights, gradients and what the optimizer keeps, all zero. */
  static async open(trainee: Trainee, options: HostTrainerOptions): Promise<HostTrainer> {
    const layout = layOutParameters(trainee.parameters, options);
    const optimizer = await HostOptimizer.open(layout, options);
    return new HostTrainer(trainee, layout, { optimizer, options });
  }

  /** See {@linkcode Trainer.freeze}. */
  freeze({ name, tensor }: NamedTensor): void {
    Object.assign(this.#frozen, storeFrozen(name, { weight: tensor, dtype: this.#frozenDtype }));
  }

  /** See {@linkcode Trainer.accumulate}. */
  async accumulate(
    batch: MicroBatch,
    { tokenWeight, seed }: AccumulateOptions,
  ): Promise<number> {
    const { session, model } = await this.#graph(batch, true);
    const into = this.#accumulated === 0 ? this.#gradients : this.#scratchTensors();
    const masks = dropoutMasks(model, this.#dropout).draw(seed);
    const { loss } = await session.run(
      { ...this.#weights, ...this.#frozen, ...masks, ...lossFeeds(batch, tokenWeight) },
      { into },
    );
    if (this.#accumulated > 0) this.#addScratch();
    this.#accumulated++;
    return this.#note(scalarOf(loss));
  }

  /** See {@linkcode Trainer.update}. */
  async update({ step, learningRate, maxGradNorm }: UpdateOptions): Promise<UpdateResult> {
    const gradNorm = this.#note(await this.#optimizer.gradientNorm());
    const applied = this.#finite;
    if (applied) {
      const gradientScale = clipScale(gradNorm, maxGradNorm);
      await this.#optimizer.update({ step, learningRate, gradientScale });
    }
    this.#accumulated = 0;
    this.#finite = true;
    return { gradNorm, applied };
  }

  /** See {@linkcode Trainer.evaluate}. */
  async evaluate(batch: MicroBatch): Promise<number> {
    const { session } = await this.#graph(batch, false);
    const { loss } = await session.run({
      ...this.#weights,
      ...this.#frozen,
      ...lossFeeds(batch, 1),
    });
    return scalarOf(loss);
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
    this.#optimizer[Symbol.dispose]();
    await this.#sessions[Symbol.asyncDispose]();
  }

  get #dropout(): number {
    return this.#trainee.adapter?.config.dropout ?? 0;
  }

  #graph({ batch, seqLen }: BatchShape, training: boolean): Promise<CompiledGraph> {
    return this.#sessions.open(
      `${training} ${batch} ${seqLen}`,
      () =>
        hostLossGraph(this.#trainee, {
          shape: { batch, seqLen },
          training,
          frozenDtype: this.#frozenDtype,
        }),
    );
  }

  #views(kind: "weights" | "gradients"): NamedTensor[] {
    return viewsOf(this.#layout, this.#optimizer.groups.map((group) => group[kind]));
  }

  #scratchTensors(): Readonly<Record<string, Tensor>> {
    if (this.#scratch === undefined) {
      const arrays = this.#layout.map(({ size }) => new Float32Array(size));
      const tensors = byName(viewsOf(this.#layout, arrays), GRADIENT);
      this.#scratch = { arrays, tensors };
    }
    return this.#scratch.tensors;
  }

  #addScratch(): void {
    for (const [index, { gradients }] of this.#optimizer.groups.entries()) {
      const addend = this.#scratch!.arrays[index]!;
      for (let i = 0; i < gradients.length; i++) gradients[i]! += addend[i]!;
    }
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
  arrays: readonly Readonly<Record<string, Float32Array>>[],
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

function byName(tensors: readonly NamedTensor[], prefix = ""): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(tensors.map(({ name, tensor }) => [prefix + name, tensor]));
}

/** Returns the one element of a host tensor. */
export function scalarOf(value: unknown): number {
  return Number((value as Tensor).data[0]);
}
