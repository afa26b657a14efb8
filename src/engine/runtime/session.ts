/**
 * One ONNX model, compiled for one device: the only door between graphs and compute.
 *
 * @module
 */

import type { Dtype, Tensor } from "../tensor/tensor.ts";

/** Every device that can run a model, in the order in which `auto` prefers them. */
export const DEVICES = ["webgpu", "native", "wasm"] as const;

/** A device that can run a model. */
export type Device = (typeof DEVICES)[number];

/** A tensor that stays in a device's memory until it is disposed. */
export interface DeviceTensor {
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Says that the elements are not in host memory. */
  readonly location: "device";
  /** Copies the elements to host memory. */
  download(): Promise<Tensor>;
  /** Frees the device memory; harmless when called twice. */
  dispose(): void;
}

/** What a session reads: host tensors are copied to the device, device tensors are used in place. */
export type Feed = Tensor | DeviceTensor;

/** Options of {@linkcode Session.run}. */
export interface RunOptions {
  /** Names of the outputs to compute. @default {all} */
  readonly outputs?: readonly string[];
  /**
   * Host tensors to write outputs into. Native writes in place, so their memory is reused from run to run;
   * other devices copy into them. The result then holds these tensors themselves.
   */
  readonly into?: Readonly<Record<string, Tensor>>;
}

/** A compiled model. Runs of one session never overlap: a second call waits for the first. */
export interface Session {
  /** Where it runs. */
  readonly device: Device;
  /** Names of the model's inputs. */
  readonly inputNames: readonly string[];
  /** Names of the model's outputs. */
  readonly outputNames: readonly string[];
  /**
   * Runs the model once.
   *
   * @returns The outputs by name: {@linkcode DeviceTensor} for those named in
   * {@linkcode SessionOptions.keepOnDevice} on a device with memory of its own, else host tensors.
   * @throws {TypeError} If a feed is missing or not an input.
   */
  run(
    feeds: Readonly<Record<string, Feed>>,
    options?: RunOptions,
  ): Promise<Record<string, Feed>>;
  /** Frees the compiled model. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How far ONNX Runtime may rewrite a graph, from not at all to everything it knows. */
export const OPTIMIZATIONS = ["none", "basic", "extended", "all"] as const;

/** How far ONNX Runtime may rewrite a graph. */
export type Optimization = (typeof OPTIMIZATIONS)[number];

/** Options of `openSession`. */
export interface SessionOptions {
  /** Where to run; see `chooseDevice` for `auto`. */
  readonly device: Device;
  /**
   * CPU threads of `wasm` and `native`. All `wasm` sessions of one JavaScript thread share one pool of threads,
   * which the first of them sizes. @default {the machine's logical processors, at most 8}
   */
  readonly threads?: number;
  /** Outputs that stay in device memory on `webgpu`; ignored elsewhere. @default {[]} */
  readonly keepOnDevice?: readonly string[];
  /** Fail instead of running an operator on the CPU when the device is `webgpu`. @default {true} */
  readonly forbidFallback?: boolean;
  /** How far ONNX Runtime may rewrite the graph. @default {"all"} */
  readonly optimization?: Optimization;
  /**
   * Whether the graph trains, or is a part of one that does: it is not searched for {@linkcode FOREIGN_PATTERNS}, which
   * takes a third of the time to compile it. @default {false}
   */
  readonly trains?: boolean;
  /**
   * Whether `native` keeps the memory of a run for the next one. Where several sessions take turns, each would keep its
   * own. @default {true}
   */
  readonly keepMemory?: boolean;
  /**
   * Says that every run has feeds of the same shapes, so that `webgpu` keeps only buffers of the sizes it has
   * seen. @default {false}
   */
  readonly fixedShapes?: boolean;
  /**
   * Where `native` writes how long each operator of each run took, when the session is closed: the start of a
   * path, to which a time and `.json` are added. @default {no profile}
   */
  readonly profile?: string;
}
