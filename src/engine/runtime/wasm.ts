/**
 * The device `wasm`: ONNX Runtime Web on the CPU, with threads. It runs everywhere and needs no native code.
 *
 * Feeds and outputs are copied into and out of the WebAssembly heap at each run; initializers are not.
 *
 * @module
 */

import { embeddedUrl, isExecutable, readEmbedded } from "./embedded_file.ts";
import type { Session, SessionOptions } from "./session.ts";
import { resolveThreads } from "./threads.ts";
import { commonOptions, createWebRuntime, type WebRuntime } from "./web_runtime.ts";
import { openWebSession } from "./web_session.ts";

/** The name of the library's files for this device. */
export const WASM_BUILD = "ort-wasm-simd-threaded";

/** This JavaScript thread's instance: there can be one only, and the size of its thread pool stays. */
const instance: { threads?: number; runtime?: Promise<WebRuntime> } = {};

/**
 * Compiles `model` for `wasm`.
 *
 * @throws {Error} If another number of threads is wanted than this JavaScript thread's sessions have.
 */
export async function openWasmSession(
  model: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const threads = options.threads === undefined && instance.threads !== undefined
    ? instance.threads
    : resolveThreads(options.threads);
  instance.threads ??= threads;
  if (threads !== instance.threads) {
    throw new Error(
      `Cannot open model with ${threads} threads on wasm: this JavaScript thread's sessions share a pool of ` +
        `${instance.threads}; open it in a worker`,
    );
  }
  instance.runtime ??= load(threads);
  return await openWebSession(model, {
    runtime: await instance.runtime,
    device: "wasm",
    settings: { ...commonOptions(options), executionProviders: ["wasm"] },
  });
}

function load(threads: number): Promise<WebRuntime> {
  return createWebRuntime(() => import("onnxruntime-web"), async (ort) => {
    ort.env.wasm.numThreads = threads;
    if (isExecutable()) {
      ort.env.wasm.wasmPaths = { mjs: embeddedUrl(`${WASM_BUILD}.mjs`).href };
      ort.env.wasm.wasmBinary = await readEmbedded(`${WASM_BUILD}.wasm`);
    }
  });
}
