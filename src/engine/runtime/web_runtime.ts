/**
 * ONNX Runtime Web as both of its devices use it.
 *
 * @module
 */

import type * as OrtCommon from "onnxruntime-common";
import type { SessionOptions } from "./session.ts";
import { RunQueue } from "./run_queue.ts";
import { NO_SPINNING } from "./threads.ts";

/** What is used of the library. */
export type OrtWeb = Pick<typeof OrtCommon, "InferenceSession" | "Tensor" | "env">;

/** One WebAssembly instance of the library: a JavaScript thread has one for each device. */
export interface WebRuntime {
  /** The library. */
  readonly ort: OrtWeb;
  /** Everything the instance does: it cannot do two things at once. */
  readonly queue: RunQueue;
}

/** Returns the instance of `ort`, which must not have been used yet. */
export function createWebRuntime(ort: OrtWeb): WebRuntime {
  ort.env.logLevel = "fatal"; // what fails is thrown, so it need not be printed as well
  hideLocation();
  return { ort, queue: new RunQueue() };
}

/** Settings of a session that do not depend on the device. */
export function commonOptions(options: SessionOptions): OrtCommon.InferenceSession.SessionOptions {
  const { optimization = "all" } = options;
  return {
    graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
    logSeverityLevel: 4,
    extra: { session: { ...NO_SPINNING } },
  };
}

/**
 * In a module worker `location` is a `file:` URL, which the library takes for a page's address and fails to
 * resolve its files against ("Invalid URL"). Assigning to it throws.
 */
function hideLocation(): void {
  Object.defineProperty(globalThis, "location", { value: undefined, configurable: true });
}
