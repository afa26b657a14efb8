/**
 * Training on a GPU: weights, gradients and moments never leave it; token ids go in, a loss and a norm come out.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Value } from "../../engine/graph/value.ts";
import { encodeModel, type OnnxModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Feed, Session } from "../../engine/runtime/session.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { type AdamWConfig, adamWFactors } from "./adamw.ts";
import {
  arrayName,
  deviceLossGraph,
  deviceUpdateGraph,
  GROUP_ARRAYS,
  type GroupArray,
  type LossKind,
  STEP_INPUTS,
  UPDATED,
} from "./device_graphs.ts";
import { scalarOf, viewsOf } from "./host_trainer.ts";
import { lossFeeds } from "./loss_graph.ts";
import { layOutParameters, type ParameterGroup } from "./parameters.ts";
import { SessionCache } from "./session_cache.ts";
import type { TrainableState, Trainer, UpdateOptions, UpdateResult } from "./trainer.ts";

/** The largest buffer that every GPU lets a shader read, in float32 elements. */
const MAX_GROUP_SIZE = 128 * 2 ** 20 / 4;

/** Stands for "never clip" where the norm is compared with it. */
const NO_CLIPPING = 3e38;

/** Trains a model whose weights are in a GPU's memory. */
export class DeviceTrainer implements Trainer {
  readonly #model: LanguageModel;
  readonly #layout: readonly ParameterGroup[];
  readonly #adamw: AdamWConfig;
  readonly #sessions: SessionCache;
  /** By {@linkcode arrayName}: in host memory until a run has made a newer one on the device. */
  readonly #arrays = new Map<string, Feed>();
  #accumulated = 0;
  #finite = true;

  private constructor(model: LanguageModel, adamw: AdamWConfig) {
    this.#model = model;
    this.#adamw = adamw;
    this.#layout = layOutParameters(model, { maxGroupSize: MAX_GROUP_SIZE });
    this.#sessions = new SessionCache((graph) => {
      const names = graph.outputs.map(({ name }) => name);
      const keepOnDevice = names.filter((name) => UPDATED.test(name));
      return openSession(encodeModel(graph), { device: "webgpu", keepOnDevice });
    });
    for (const array of ["weights", "means", "squares"] as const) this.#setHost(array);
  }

  /** Allocates weights and moments, all zero. */
  static open(
    model: LanguageModel,
    { adamw }: { readonly adamw: AdamWConfig },
  ): Promise<DeviceTrainer> {
    return Promise.resolve(new DeviceTrainer(model, adamw));
  }

  /** See {@linkcode Trainer.accumulate}. */
  async accumulate(batch: MicroBatch, tokenWeight: number): Promise<number> {
    const kind = this.#accumulated === 0 ? "first" : "further";
    const outputs = await this.#runLoss(batch, { kind, tokenWeight });
    this.#replace("gradients", outputs);
    this.#accumulated++;
    return this.#note(scalarOf(outputs["loss"]));
  }

  /** See {@linkcode Trainer.update}. */
  async update({ step, learningRate, maxGradNorm }: UpdateOptions): Promise<UpdateResult> {
    const session = await this.#sessions.open(
      "update",
      () => forGpu(deviceUpdateGraph(this.#layout, this.#adamw)),
    );
    const factors = adamWFactors(this.#adamw, {
      step,
      learningRate,
      gradientScale: 1,
      decay: true,
    });
    const number = (value: number): Tensor => tensor("float32", [1], Float32Array.of(value));
    const outputs = await session.run({
      ...this.#feeds(GROUP_ARRAYS),
      [STEP_INPUTS.maxGradNorm]: number(maxGradNorm > 0 ? maxGradNorm : NO_CLIPPING),
      [STEP_INPUTS.keep]: number(factors.keep),
      [STEP_INPUTS.stepSize]: number(factors.stepSize),
      [STEP_INPUTS.rootScale]: number(factors.rootScale),
    });
    const gradNorm = this.#note(scalarOf(outputs["grad_norm"]));
    const applied = this.#finite;
    for (const array of ["weights", "means", "squares"] as const) {
      if (applied) this.#replace(array, outputs);
      else this.#discard(array, outputs);
    }
    this.#accumulated = 0;
    this.#finite = true;
    return { gradNorm, applied };
  }

  /** See {@linkcode Trainer.evaluate}. */
  async evaluate(batch: MicroBatch): Promise<number> {
    const { loss } = await this.#runLoss(batch, { kind: "evaluate", tokenWeight: 1 });
    return scalarOf(loss);
  }

  /** See {@linkcode Trainer.state}. */
  async state(): Promise<TrainableState> {
    const views = async (array: GroupArray) =>
      viewsOf(
        this.#layout,
        await Promise.all(this.#layout.map((_, group) => this.#download(array, group))),
      );
    return {
      weights: await views("weights"),
      means: await views("means"),
      squares: await views("squares"),
    };
  }

  /** See {@linkcode Trainer.load}. */
  async load(state: Partial<TrainableState>): Promise<void> {
    for (const array of ["weights", "means", "squares"] as const) {
      if (state[array] === undefined) continue;
      const arrays: Float32Array[] = [];
      for (const group of this.#layout.keys()) {
        const data = await this.#download(array, group);
        this.#set(arrayName(array, { group, updated: false }), hostTensor(data));
        arrays.push(data);
      }
      const views = new Map(
        viewsOf(this.#layout, arrays).map(({ name, tensor }) => [name, tensor]),
      );
      for (const { name, tensor } of state[array]) views.get(name)!.data.set(tensor.data);
    }
  }

  /** Frees everything on the device. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const feed of this.#arrays.values()) dispose(feed);
    this.#arrays.clear();
    await this.#sessions[Symbol.asyncDispose]();
  }

  async #runLoss(
    batch: MicroBatch,
    { kind, tokenWeight }: { readonly kind: LossKind; readonly tokenWeight: number },
  ): Promise<Record<string, Feed>> {
    const session: Session = await this.#sessions.open(
      `${kind} ${batch.batch} ${batch.seqLen}`,
      () => forGpu(deviceLossGraph(this.#model, { layout: this.#layout, shape: batch, kind })),
    );
    return await session.run({
      ...this.#feeds(kind === "further" ? ["weights", "gradients"] : ["weights"]),
      ...lossFeeds(batch, tokenWeight),
    });
  }

  #feeds(arrays: readonly GroupArray[]): Record<string, Feed> {
    const names = this.#layout.flatMap((_, group) =>
      arrays.map((array) => arrayName(array, { group, updated: false }))
    );
    return Object.fromEntries(names.map((name) => [name, this.#arrays.get(name)!]));
  }

  /** Puts what a run made in the place of what it read. */
  #replace(array: GroupArray, outputs: Readonly<Record<string, Feed>>): void {
    for (const group of this.#layout.keys()) {
      const made = outputs[arrayName(array, { group, updated: true })]!;
      this.#set(arrayName(array, { group, updated: false }), made);
    }
  }

  #discard(array: GroupArray, outputs: Readonly<Record<string, Feed>>): void {
    for (const group of this.#layout.keys()) {
      dispose(outputs[arrayName(array, { group, updated: true })]!);
    }
  }

  #set(name: string, feed: Feed): void {
    const before = this.#arrays.get(name);
    if (before !== undefined) dispose(before);
    this.#arrays.set(name, feed);
  }

  #setHost(array: GroupArray): void {
    for (const [group, { size }] of this.#layout.entries()) {
      this.#set(arrayName(array, { group, updated: false }), hostTensor(new Float32Array(size)));
    }
  }

  async #download(array: GroupArray, group: number): Promise<Float32Array> {
    const feed = this.#arrays.get(arrayName(array, { group, updated: false }))!;
    const host = "location" in feed ? await feed.download() : feed;
    return host.data as Float32Array;
  }

  #note(value: number): number {
    if (!Number.isFinite(value)) this.#finite = false;
    return value;
  }
}

function forGpu(outputs: Readonly<Record<string, Value>>): OnnxModel {
  return exportGraph(outputs, { target: "gpu" });
}

function hostTensor(data: Float32Array): Tensor<"float32"> {
  return tensor("float32", [data.length], data);
}

function dispose(feed: Feed): void {
  if ("location" in feed) feed.dispose();
}
