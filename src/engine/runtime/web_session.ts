/**
 * A session of ONNX Runtime Web, on either of its devices.
 *
 * @module
 */

import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { setImmediate } from "node:timers/promises";
import type { Tensor } from "../tensor/tensor.ts";
import { checkExtent, checkRun, copyInto } from "./feeds.ts";
import { GpuTensor } from "./gpu_tensor.ts";
import type { Device, Feed, RunOptions, Session } from "./session.ts";
import { sessionError } from "./session_error.ts";
import type { WebRuntime } from "./web_runtime.ts";
import { fromOrtTensor, toOrtTensor } from "./ort_tensor.ts";
import { withFullMemory } from "./wasm_memory.ts";

/** WebAssembly's 32-bit addresses reach no further. */
const HEAP_BYTES = 2 ** 32;

/**
 * Compiles `model` with the settings `settings`.
 *
 * @throws {TypeError} If an output that is to stay on the device does not exist.
 */
export async function openWebSession(
  model: Uint8Array,
  { runtime, device, settings }: {
    readonly runtime: WebRuntime;
    readonly device: Device;
    readonly settings: InferenceSession.SessionOptions;
  },
): Promise<Session> {
  const inner = await runtime.queue.add(async () => {
    try {
      return await withFullMemory(() => runtime.ort.InferenceSession.create(model, settings));
    } catch (error) {
      throw sessionError("open", device, error);
    }
  });
  const kept = Object.keys(settings.preferredOutputLocation ?? {});
  const absent = kept.find((name) => !inner.outputNames.includes(name));
  if (absent !== undefined) {
    await inner.release();
    throw new TypeError(`Cannot keep "${absent}" on the device: the model has no such output`);
  }
  return new WebSession(runtime, device, inner);
}

class WebSession implements Session {
  readonly device: Device;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #runtime: WebRuntime;
  #inner: InferenceSession | undefined;

  constructor(runtime: WebRuntime, device: Device, inner: InferenceSession) {
    this.device = device;
    this.inputNames = inner.inputNames;
    this.outputNames = inner.outputNames;
    this.#runtime = runtime;
    this.#inner = inner;
  }

  run(
    feeds: Readonly<Record<string, Feed>>,
    options: RunOptions = {},
  ): Promise<Record<string, Feed>> {
    return this.#runtime.queue.add(async () => {
      const outputs = checkRun(this, feeds, options);
      this.#checkHeap(feeds);
      await setImmediate(); // a run blocks the thread: let timers and signals have their turn first
      const inner = this.#inner;
      if (inner === undefined) throw new Error("Cannot run model: its session is closed");
      const converted: Record<string, OrtTensor> = {};
      for (const name of this.inputNames) converted[name] = this.#convert(name, feeds[name]!);
      const results = await inner.run(converted, outputs).catch((error) => {
        throw sessionError("run", this.device, error);
      });
      return this.#collect(results, options.into ?? {});
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const inner = this.#inner;
    this.#inner = undefined;
    if (inner !== undefined) await this.#runtime.queue.add(() => inner.release());
  }

  /** The library does not notice feeds that its heap cannot hold. */
  #checkHeap(feeds: Readonly<Record<string, Feed>>): void {
    let total = 0;
    for (const feed of Object.values(feeds)) if ("data" in feed) total += feed.data.byteLength;
    if (total <= HEAP_BYTES) return;
    throw sessionError("run", this.device, new Error(`out of memory for ${total} bytes of feeds`));
  }

  #convert(name: string, feed: Feed): OrtTensor {
    if (feed instanceof GpuTensor && this.device === "webgpu") return feed.inner;
    if ("location" in feed) {
      throw new TypeError(`Cannot feed input "${name}": its tensor is not in this device's memory`);
    }
    return toOrtTensor(this.#runtime.ort, checkExtent(name, feed));
  }

  #collect(
    results: InferenceSession.ReturnType,
    into: Readonly<Record<string, Tensor>>,
  ): Record<string, Feed> {
    const collected: Record<string, Feed> = {};
    for (const [name, result] of Object.entries(results)) {
      if (result.location === "gpu-buffer") {
        collected[name] = new GpuTensor(result, this.#runtime);
        continue;
      }
      const tensor = fromOrtTensor(result);
      const target = into[name];
      collected[name] = target === undefined ? tensor : copyInto(name, tensor, target);
    }
    return collected;
  }
}
