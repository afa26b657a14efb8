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
import type { Session, SessionOptions } from "./session.ts";
import { unavailable } from "./session_error.ts";
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
        session: {
          ...common.extra?.session as Record<string, unknown>,
          ...forbidFallback && { disable_cpu_ep_fallback: "1" },
        },
      },
    },
  });
}

function load(): Promise<WebRuntime> {
  return createWebRuntime(() => import("onnxruntime-web/jspi"), async (ort) => {
    ort.env.wasm.numThreads = 1;
    ort.env.webgpu.powerPreference = "high-performance";
    if (isExecutable()) {
      ort.env.wasm.wasmPaths = { mjs: embeddedUrl(`${WEBGPU_BUILD}.mjs`).href };
      ort.env.wasm.wasmBinary = await readEmbedded(`${WEBGPU_BUILD}.wasm`);
    }
  });
}
