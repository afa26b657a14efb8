/**
 * The binary part of `onnxruntime-node`, used directly: its JavaScript half cannot be given half-precision
 * arrays or shared memory, and cannot be loaded from inside an executable.
 *
 * @module
 */

import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { messageOf } from "../../utils/errors.ts";
import { isExecutable } from "./embedded_file.ts";
import { loadEmbeddedBinding } from "./native_library.ts";

/** A tensor as the binding reads it and, by way of {@linkcode NativeTensor}'s constructor, makes it. */
export class NativeTensor {
  /** Is told of each tensor that is made while a model runs: of its outputs, in their order. */
  static onMake: ((made: NativeTensor) => void) | undefined;
  /** Says that the elements are in host memory. */
  readonly location = "cpu";
  /** Element type. */
  readonly type: string;
  /** Elements: a typed array on an `ArrayBuffer`. */
  readonly data: ArrayBufferView;
  /** Extent of each dimension. */
  readonly dims: readonly number[];

  /** Makes a tensor over `data`. */
  constructor(type: string, data: ArrayBufferView, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
    NativeTensor.onMake?.(this);
  }
}

/** A compiled model of the binding. All calls block. */
export interface NativeModel {
  /** Compiles a model from memory. */
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  /** The inputs. */
  readonly inputMetadata: readonly { readonly name: string }[];
  /** The outputs. */
  readonly outputMetadata: readonly { readonly name: string }[];
  /** Computes the outputs named in `fetches`: into a tensor, or into a new one for `null`. */
  run(
    feeds: Readonly<Record<string, NativeTensor>>,
    fetches: Readonly<Record<string, NativeTensor | null>>,
    options: object,
  ): Record<string, NativeTensor>;
  /** Writes the profile, if one was asked for. */
  endProfiling(): void;
  /** Frees the model. */
  dispose(): void;
}

/** What the binding exports. */
export interface NativeBinding {
  /** Makes an empty model. */
  readonly InferenceSession: new () => NativeModel;
  /** Tells the library, once for each JavaScript thread, how loud to be and how to make tensors. */
  initOrtOnce(logLevel: number, tensor: typeof NativeTensor, isMainThread: boolean): void;
}

const LOG_FATAL = 4;

/** This JavaScript thread's binding. */
const instance: { binding?: Promise<NativeBinding> } = {};

/**
 * Loads the library.
 *
 * @throws {Error} If it cannot be loaded; the message says why.
 */
export function loadNativeBinding(): Promise<NativeBinding> {
  return instance.binding ??= load();
}

async function load(): Promise<NativeBinding> {
  try {
    // Otherwise the library keeps a device id and a database of telemetry events in the user's cache
    process.env.ORT_DISABLE_TELEMETRY = "1";
    const binding = isExecutable() ? await loadEmbeddedBinding() : await loadPackagedBinding();
    binding.initOrtOnce(LOG_FATAL, NativeTensor, isMainThread);
    return binding;
  } catch (error) {
    const reason = messageOf(error).replace(/\s*\n[^]*/, "");
    throw new Error(`ONNX Runtime's native library does not load: ${reason}`, { cause: error });
  }
}

async function loadPackagedBinding(): Promise<NativeBinding> {
  const { binding } = await import("onnxruntime-node/dist/binding.js");
  return binding as unknown as NativeBinding;
}
