/**
 * Opens models on devices. Each device's library is loaded when it is first asked for.
 *
 * @module
 */

import type { Session, SessionOptions } from "./session.ts";

/**
 * Compiles the ONNX model `model` for `options.device`.
 *
 * @throws {UserError} If the device cannot be had or its memory does not suffice.
 * @throws {Error} If the model is not valid, or an operator would fall back to the CPU on `webgpu`.
 */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<Session> {
  switch (options.device) {
    case "webgpu":
      return await (await import("./webgpu.ts")).openWebgpuSession(model, options);
    case "native":
      return await (await import("./native.ts")).openNativeSession(model, options);
    case "wasm":
      return await (await import("./wasm.ts")).openWasmSession(model, options);
  }
}
