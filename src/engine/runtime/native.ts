/**
 * The device `native`: ONNX Runtime's own library on the CPU, an accelerator where it loads.
 *
 * Feeds are read where they lie and {@linkcode RunOptions.into} is written where it lies, in shared memory
 * too; other outputs are copied. A run blocks the JavaScript thread.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { messageOf } from "../../utils/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkExtent, checkRun, requireHost } from "./feeds.ts";
import { withoutForeignPatterns } from "./foreign_patterns.ts";
import { loadNativeBinding, type NativeModel, NativeTensor } from "./native_binding.ts";
import { DenormalNumbers } from "./native_denormals.ts";
import { keepFreedMemory } from "./native_heap.ts";
import { RunQueue } from "./run_queue.ts";
import type { Feed, RunOptions, Session, SessionOptions } from "./session.ts";
import { sessionError, unavailable } from "./session_error.ts";
import { plainView } from "./shared_memory.ts";
import { BRIEF_SPINNING, resolveThreads } from "./threads.ts";
import { fromOrtTensor, requireFeedable } from "./ort_tensor.ts";

/**
 * Compiles `model` for `native`.
 *
 * @throws {UserError} If the library cannot be loaded.
 */
export async function openNativeSession(
  model: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const { optimization = "all", keepMemory = true, profile } = options;
  const threads = resolveThreads(options.threads);
  const binding = await loadNativeBinding().catch((error) => {
    throw unavailable("native", messageOf(error), { cause: error });
  });
  if (!keepMemory) keepFreedMemory();
  const inner = new binding.InferenceSession();
  const denormals = new DenormalNumbers();
  try {
    const settings = {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // A pattern is planned at the first run and its memory taken at the second, beside all that the first has left:
      // the peak would be up to twice what a run needs.
      enableMemPattern: false,
      enableCpuMemArena: keepMemory,
      graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
      logSeverityLevel: 4,
      extra: {
        session: { ...BRIEF_SPINNING, ...denormals.settings },
        ...withoutForeignPatterns(options),
      },
      ...profile !== undefined && { enableProfiling: true, profileFilePrefix: profile },
    };
    const { buffer, byteOffset, byteLength } = model;
    denormals.leaveOut(() => inner.loadModel(buffer, byteOffset, byteLength, settings));
  } catch (error) {
    denormals[Symbol.dispose]();
    throw sessionError("open", "native", error);
  }
  return new NativeSession(inner, denormals);
}

class NativeSession implements Session {
  readonly device = "native";
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #queue = new RunQueue();
  readonly #denormals: DenormalNumbers;
  #inner: NativeModel | undefined;

  constructor(inner: NativeModel, denormals: DenormalNumbers) {
    this.#denormals = denormals;
    this.inputNames = inner.inputMetadata.map(({ name }) => name);
    this.outputNames = inner.outputMetadata.map(({ name }) => name);
    this.#inner = inner;
  }

  run(
    feeds: Readonly<Record<string, Feed>>,
    options: RunOptions = {},
  ): Promise<Record<string, Feed>> {
    return this.#queue.add(async () => {
      const outputs = checkRun(this, feeds, options);
      await setImmediate(); // a run blocks the thread: let timers and signals have their turn first
      if (this.#inner === undefined) throw new Error("Cannot run model: its session is closed");
      const { into = {} } = options;
      const converted: Record<string, NativeTensor> = {};
      for (const name of this.inputNames) {
        converted[name] = toNative(name, requireHost(name, feeds[name]!));
      }
      const fetches: Record<string, NativeTensor | null> = {};
      for (const name of outputs) {
        const target = into[name];
        fetches[name] = target === undefined ? null : toNative(name, target);
      }
      const names = this.outputNames.filter((name) => name in fetches);
      const model = this.#inner;
      const results = this.#denormals.leaveOut(() =>
        runModel(model, { feeds: converted, names, fetches })
      );
      return Object.fromEntries(
        outputs.map((name) => [name, into[name] ?? fromOrtTensor(results[name]!)]),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const inner = this.#inner;
    this.#inner = undefined;
    if (inner === undefined) return;
    await this.#queue.add(() => {
      inner.endProfiling();
      inner.dispose();
      this.#denormals[Symbol.dispose]();
      return Promise.resolve();
    });
  }
}

/** Ends the making of results. */
class EnoughMade extends Error {}

/**
 * Runs a model and returns the outputs that have no tensor to be written into.
 *
 * The binding copies every output, those too that were written where they belong, which for a cache of keys and values
 * or for gradients takes longer than some runs. So it is stopped at the output after the last that is wanted: that one
 * is copied in vain, all others are not.
 */
function runModel(
  model: NativeModel,
  { feeds, names, fetches }: {
    readonly feeds: Readonly<Record<string, NativeTensor>>;
    /** The outputs that are computed, in the model's order. */
    readonly names: readonly string[];
    readonly fetches: Readonly<Record<string, NativeTensor | null>>;
  },
): Record<string, NativeTensor> {
  const wanted = names.findLastIndex((name) => fetches[name] === null) + 1;
  const made: NativeTensor[] = [];
  if (wanted < names.length) {
    NativeTensor.onMake = (tensor) => {
      if (made.length === wanted) throw new EnoughMade();
      made.push(tensor);
    };
  }
  try {
    return model.run(feeds, fetches, { logSeverityLevel: 4 });
  } catch (error) {
    if (!(error instanceof EnoughMade)) throw sessionError("run", "native", error);
    return Object.fromEntries(made.map((tensor, at) => [names[at]!, tensor]));
  } finally {
    NativeTensor.onMake = undefined;
  }
}

function toNative(name: string, tensor: Tensor): NativeTensor {
  const { dtype, shape, data } = checkExtent(name, tensor);
  return new NativeTensor(requireFeedable(dtype), plainView(data), shape);
}
