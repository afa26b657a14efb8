/**
 * Training on a GPU: weights, gradients and the optimizer's state never leave it; token ids go in, a loss and a norm come out.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Value } from "../../engine/graph/value.ts";
import { encodeModel, type OnnxModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Feed } from "../../engine/runtime/session.ts";
import { uploadTensor } from "../../engine/runtime/webgpu.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import {
  arrayName,
  deviceLossGraph,
  deviceUpdateGraph,
  factorName,
  type GroupArray,
  type LossKind,
  MAX_GRAD_NORM,
  UPDATED,
} from "./device_graphs.ts";
import { dropoutMasks } from "./dropout.ts";
import { type FrozenDtype, type FrozenStorage, storeFrozen } from "./frozen_weights.ts";
import { scalarOf } from "./host_graphs.ts";
import { copyTensors, slotViews, viewsOf } from "./host_trainer.ts";
import { type LossRegularization, wholeLossFeeds } from "./loss_graph.ts";
import { noiseFeeds } from "./neftune.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";
import { factorsOf, type OptimizerConfig } from "./optimizers/optimizer.ts";
import { layOutParameters, type ParameterGroup } from "./parameters.ts";
import { sequenceFeeds, shapeKey } from "./sequence_inputs.ts";
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

/** Options of {@linkcode DeviceTrainer}. */
export interface DeviceTrainerOptions {
  /** How frozen matrices are kept. */
  readonly frozenDtype: FrozenDtype;
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** Whether the activations of a layer are computed anew for its gradients. */
  readonly gradientCheckpointing: boolean;
  /** Decay of the moving average of the weights; null keeps none. @default {null} */
  readonly emaDecay?: number | null;
  /** What makes the loss that is trained harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
}

/** The largest buffer that every GPU lets a shader read, in float32 elements. */
const MAX_GROUP_SIZE = 128 * 2 ** 20 / 4;

/** Stands for "never clip" where the norm is compared with it. */
const NO_CLIPPING = 3e38;

/** Trains a model whose weights are in a GPU's memory. */
export class DeviceTrainer implements Trainer {
  readonly #trainee: Trainee;
  readonly #storage: FrozenStorage;
  readonly #gradientCheckpointing: boolean;
  readonly #layout: readonly ParameterGroup[];
  readonly #emaDecay: number | null;
  readonly #regularization: LossRegularization | undefined;
  readonly #sessions: SessionCache;
  /** By {@linkcode arrayName}: in host memory until a run has made a newer one on the device. */
  readonly #arrays = new Map<string, Feed>();
  /** What graphs are fed of the weights that are only read: in host memory until a graph has been compiled. */
  readonly #frozen: Record<string, Feed> = {};
  #accumulated = 0;
  #finite = true;

  private constructor(trainee: Trainee, options: DeviceTrainerOptions) {
    const { optimizer, frozenDtype, emaDecay = null, regularization } = options;
    this.#trainee = trainee;
    this.#storage = { dtype: frozenDtype, gpu: true };
    this.#gradientCheckpointing = options.gradientCheckpointing;
    this.#emaDecay = emaDecay;
    this.#regularization = regularization;
    this.#layout = layOutParameters(trainee.parameters, {
      optimizer,
      ema: emaDecay !== null,
      maxGroupSize: MAX_GROUP_SIZE,
    });
    this.#sessions = new SessionCache((graph) => {
      const names = graph.outputs.map(({ name }) => name);
      const keepOnDevice = names.filter((name) => UPDATED.test(name));
      return openSession(encodeModel(graph), { device: "webgpu", keepOnDevice, trains: true });
    });
    for (const { name, size } of this.#keptArrays()) {
      this.#set(name, hostTensor(new Float32Array(size)));
    }
  }

  /** Allocates weights and moments, all zero. */
  static open(trainee: Trainee, options: DeviceTrainerOptions): Promise<DeviceTrainer> {
    return Promise.resolve(new DeviceTrainer(trainee, options));
  }

  /** See {@linkcode Trainer.freeze}. */
  freeze(weight: NamedTensor): void {
    const { model } = this.#trainee;
    Object.assign(this.#frozen, storeFrozen(weight, { model, storage: this.#storage }));
  }

  /** See {@linkcode Trainer.accumulate}. */
  async accumulate(batch: MicroBatch, options: AccumulateOptions): Promise<number> {
    const kind = this.#accumulated === 0 ? "first" : "further";
    const outputs = await this.#runLoss(batch, { kind, ...options });
    this.#replace("gradients", outputs);
    this.#accumulated++;
    return this.#note(scalarOf(outputs["loss"]));
  }

  /** See {@linkcode Trainer.update}. */
  async update({ step, learningRate, maxGradNorm }: UpdateOptions): Promise<UpdateResult> {
    const { session } = await this.#sessions.open(
      "update",
      () => forGpu(deviceUpdateGraph(this.#layout, { emaDecay: this.#emaDecay })),
    );
    const outputs = await session.run({
      ...Object.fromEntries(this.#arrays),
      ...this.#factors({ step, learningRate, names: session.inputNames }),
      [MAX_GRAD_NORM]: numberTensor(maxGradNorm > 0 ? maxGradNorm : NO_CLIPPING),
    });
    const gradNorm = this.#note(scalarOf(outputs["grad_norm"]));
    const applied = this.#finite;
    for (const { name, updated } of this.#keptArrays()) {
      if (applied) this.#set(name, outputs[updated]!);
      else dispose(outputs[updated]!);
    }
    this.#accumulated = 0;
    this.#finite = true;
    return { gradNorm, applied };
  }

  /** See {@linkcode Trainer.evaluate}. */
  async evaluate(batch: MicroBatch): Promise<number> {
    const { loss } = await this.#runLoss(batch, { kind: "evaluate", tokenWeight: 1, seed: 0 });
    return scalarOf(loss);
  }

  /** See {@linkcode Trainer.state}. */
  async state(): Promise<TrainableState> {
    const weights: Float32Array[] = [];
    const slots: Record<string, Float32Array>[] = [];
    for (const { array, group, name } of this.#keptArrays()) {
      const data = await this.#download(name);
      if (array === "weights") weights[group] = data;
      else (slots[group] ??= {})[array] = data;
    }
    return {
      weights: viewsOf(this.#layout, weights),
      slots: slotViews(this.#layout, slots),
    };
  }

  /** See {@linkcode Trainer.load}. */
  async load({ weights = [], slots = {} }: Partial<TrainableState>): Promise<void> {
    for (const { name } of this.#keptArrays()) {
      this.#set(name, hostTensor(await this.#download(name)));
    }
    // what is in host memory now is not copied again: these are views of it
    const state = await this.state();
    copyTensors(weights, state.weights);
    for (const [slot, tensors] of Object.entries(slots)) {
      copyTensors(tensors, state.slots[slot] ?? []);
    }
  }

  /** Frees everything on the device. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const feed of this.#arrays.values()) dispose(feed);
    for (const feed of Object.values(this.#frozen)) dispose(feed);
    this.#arrays.clear();
    await this.#sessions[Symbol.asyncDispose]();
  }

  async #runLoss(
    batch: MicroBatch,
    { kind, tokenWeight, seed }: AccumulateOptions & { readonly kind: LossKind },
  ): Promise<Record<string, Feed>> {
    const { session, model }: CompiledGraph = await this.#sessions.open(
      `${kind} ${shapeKey(batch)}`,
      () =>
        forGpu(
          deviceLossGraph(this.#trainee, {
            layout: this.#layout,
            shape: batch,
            kind,
            storage: this.#storage,
            regularization: this.#regularization,
            gradientCheckpointing: this.#gradientCheckpointing,
          }),
        ),
    );
    await this.#uploadFrozen();
    const dropout = this.#trainee.adapter?.config.dropout ?? 0;
    const averaged = kind === "evaluate" && this.#emaDecay !== null;
    const { vocabSize } = this.#trainee.model;
    const sequence = Object.entries(sequenceFeeds(this.#trainee.model, batch))
      .filter(([name]) => session.inputNames.includes(name));
    return await session.run({
      ...Object.fromEntries(sequence),
      ...this.#feeds("weights", averaged ? EMA_SLOT : "weights"),
      ...(kind === "further" ? this.#feeds("gradients", "gradients") : {}),
      ...(kind === "evaluate" ? {} : this.#noise(batch, seed)),
      ...this.#frozen,
      ...dropoutMasks(model, dropout).draw(seed),
      ...wholeLossFeeds(batch, { tokenWeight, vocabSize }),
    });
  }

  /** Weights that stay as they are are copied to the device once. */
  async #uploadFrozen(): Promise<void> {
    for (const [name, feed] of Object.entries(this.#frozen)) {
      if (!("location" in feed)) this.#frozen[name] = await uploadTensor(feed);
    }
  }

  #noise({ batch, seqLen }: MicroBatch, seed: number): Record<string, Tensor> {
    const { hiddenSize } = this.#trainee.model;
    const alpha = this.#regularization?.neftuneAlpha ?? null;
    return noiseFeeds({ alpha, seed, batch, seqLen, hiddenSize });
  }

  /** What a graph reads as `array`, taken from the arrays `from`. */
  #feeds(array: GroupArray, from: GroupArray): Record<string, Feed> {
    const name = (kind: GroupArray, group: number) => arrayName(kind, { group, updated: false });
    return Object.fromEntries(
      this.#layout.map((_, group) => [name(array, group), this.#arrays.get(name(from, group))!]),
    );
  }

  /** Puts what a run made in the place of what it read. */
  #replace(array: GroupArray, outputs: Readonly<Record<string, Feed>>): void {
    for (const group of this.#layout.keys()) {
      const made = outputs[arrayName(array, { group, updated: true })]!;
      this.#set(arrayName(array, { group, updated: false }), made);
    }
  }

  /** The numbers of a step that the graph reads. */
  #factors({ step, learningRate, names }: {
    readonly step: number;
    readonly learningRate: number;
    readonly names: readonly string[];
  }): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    for (const [group, { decay, optimizer, learningRateFactor }] of this.#layout.entries()) {
      const factors = factorsOf(optimizer, {
        step,
        learningRate: learningRate * learningRateFactor,
        gradientScale: 1,
        decay,
      });
      for (const [factor, value] of Object.entries(factors)) {
        const name = factorName(factor, group);
        if (names.includes(name)) feeds[name] = numberTensor(value);
      }
    }
    return feeds;
  }

  /** The arrays that stay from step to step. */
  #keptArrays(): KeptArray[] {
    return this.#layout.flatMap(({ size, slots }, group) => {
      const kept: (readonly [GroupArray, number])[] = [["weights", size]];
      for (const [slot, array] of slots) kept.push([slot, array.size]);
      return kept.map(([array, size]) => ({
        array,
        group,
        size,
        name: arrayName(array, { group, updated: false }),
        updated: arrayName(array, { group, updated: true }),
      }));
    });
  }

  #set(name: string, feed: Feed): void {
    const before = this.#arrays.get(name);
    if (before !== undefined) dispose(before);
    this.#arrays.set(name, feed);
  }

  async #download(name: string): Promise<Float32Array> {
    const feed = this.#arrays.get(name)!;
    const host = "location" in feed ? await feed.download() : feed;
    return host.data as Float32Array;
  }

  #note(value: number): number {
    if (!Number.isFinite(value)) this.#finite = false;
    return value;
  }
}

/** An array that stays from step to step. */
interface KeptArray {
  readonly array: GroupArray;
  readonly group: number;
  readonly size: number;
  /** Name of the input. */
  readonly name: string;
  /** Name of the output that takes its place. */
  readonly updated: string;
}

function forGpu(outputs: Readonly<Record<string, Value>>): OnnxModel {
  return exportGraph(outputs, { target: "gpu" });
}

function numberTensor(value: number): Tensor<"float32"> {
  return tensor("float32", [1], Float32Array.of(value));
}

function hostTensor(data: Float32Array): Tensor<"float32"> {
  return tensor("float32", [data.length], data);
}

function dispose(feed: Feed): void {
  if ("location" in feed) feed.dispose();
}
