/**
 * The device `webgpu`: ONNX Runtime Web on the GPU that `navigator.gpu` offers.
 *
 * The build that suspends WebAssembly by JSPI is the smallest and needs no code that V8 lacks. It has one CPU
 * thread: more are started from `blob:` URLs, which Deno refuses. The library asks the adapter for the largest
 * buffers it can bind.
 *
 * @module
 */

import { embeddedUrl, isExecutable, readEmbedded } from "./embedded_file.ts";
import { findGpuAdapter, NO_ADAPTER } from "./gpu_adapter.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { GpuTensor } from "./gpu_tensor.ts";
import { uploadByQueue, writeBuffer } from "./gpu_uploads.ts";
import { requireFeedable } from "./ort_tensor.ts";
import type { DeviceTensor, Session, SessionOptions } from "./session.ts";
import { sessionError, unavailable } from "./session_error.ts";
import { commonOptions, createWebRuntime, type WebRuntime } from "./web_runtime.ts";
import { openWebSession } from "./web_session.ts";

/** The name of the library's files for this device. */
export const WEBGPU_BUILD = "ort-wasm-simd-threaded.jspi";

/** This JavaScript thread's instance: there can be one only. */
const instance: { runtime?: Promise<WebRuntime> } = {};

/**
 * Compiles `model` for `webgpu`.
 *
 * @throws {UserError} If there is no adapter.
 */
export async function openWebgpuSession(
  model: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const { keepOnDevice = [], forbidFallback = true, fixedShapes = false } = options;
  if (await findGpuAdapter() === undefined) throw unavailable("webgpu", NO_ADAPTER);
  instance.runtime ??= load();
  const common = commonOptions(options);
  return await openWebSession(model, {
    runtime: await instance.runtime,
    device: "webgpu",
    settings: {
      ...common,
      executionProviders: [
        { name: "webgpu", ...fixedShapes && { storageBufferCacheMode: "simple" } },
      ],
      preferredOutputLocation: Object.fromEntries(
        keepOnDevice.map((name) => [name, "gpu-buffer" as const]),
      ),
      extra: {
        ...common.extra,
        session: {
          ...common.extra?.session as Record<string, unknown>,
          ...forbidFallback && { disable_cpu_ep_fallback: "1" },
        },
      },
    },
  });
}

/**
 * Copies a tensor into the GPU's memory, where it stays until it is disposed. A session must have been opened before.
 *
 * @throws {UserError} If the GPU has no room for it.
 */
export async function uploadTensor(tensor: Tensor): Promise<DeviceTensor> {
  if (instance.runtime === undefined) {
    throw new Error("Cannot copy a tensor to the GPU: no session has been opened on it");
  }
  const runtime = await instance.runtime;
  return await runtime.queue.add(async () => {
    const { ort } = runtime;
    const device = await ort.env.webgpu.device as GPUDevice;
    const { dtype, shape, data } = tensor;
    const size = Math.ceil(data.byteLength / 16) * 16;
    device.pushErrorScope("out-of-memory");
    const buffer = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const error = await device.popErrorScope();
    if (error !== null) {
      buffer.destroy();
      throw sessionError("open", "webgpu", new Error(`out of memory: ${error.message}`));
    }
    await writeBuffer(device.queue, { buffer, data });
    const inner = ort.Tensor.fromGpuBuffer(buffer, {
      dataType: requireFeedable(dtype) as "float32",
      dims: shape,
      dispose: () => buffer.destroy(),
    });
    return new GpuTensor(inner, runtime);
  });
}

function load(): Promise<WebRuntime> {
  uploadByQueue();
  return createWebRuntime(() => import("onnxruntime-web/jspi"), async (ort) => {
    ort.env.wasm.numThreads = 1;
    ort.env.webgpu.powerPreference = "high-performance";
    if (isExecutable()) {
      ort.env.wasm.wasmPaths = { mjs: embeddedUrl(`${WEBGPU_BUILD}.mjs`).href };
      ort.env.wasm.wasmBinary = await readEmbedded(`${WEBGPU_BUILD}.wasm`);
    }
  });
}
