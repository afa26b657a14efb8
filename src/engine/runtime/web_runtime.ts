/**
 * ONNX Runtime Web as both of its devices use it.
 *
 * @module
 */

import type * as OrtCommon from "onnxruntime-common";
import type { SessionOptions } from "./session.ts";
import { RunQueue } from "./run_queue.ts";
import { withoutForeignPatterns } from "./foreign_patterns.ts";
import { NO_SPINNING } from "./threads.ts";
import { prepareGlobals } from "./web_globals.ts";

/** What is used of the library. */
export type OrtWeb = Pick<typeof OrtCommon, "InferenceSession" | "Tensor" | "env">;

/** One WebAssembly instance of the library: a JavaScript thread has one for each device. */
export interface WebRuntime {
  /** The library. */
  readonly ort: OrtWeb;
  /** Everything the instance does: it cannot do two things at once. */
  readonly queue: RunQueue;
}

/** Loads the library by `load` and configures it by `configure` before its first use. */
export async function createWebRuntime(
  load: () => Promise<OrtWeb>,
  configure: (ort: OrtWeb) => Promise<void>,
): Promise<WebRuntime> {
  prepareGlobals();
  const ort = await load();
  ort.env.logLevel = "fatal"; // what fails is thrown, so it need not be printed as well
  await configure(ort);
  return { ort, queue: new RunQueue() };
}

/** Settings of a session that do not depend on the device. */
export function commonOptions(options: SessionOptions): OrtCommon.InferenceSession.SessionOptions {
  const { optimization = "all" } = options;
  return {
    graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
    logSeverityLevel: 4,
    enableMemPattern: false, // its one block for all activations comes on top of those of the first run
    extra: { session: { ...NO_SPINNING }, ...withoutForeignPatterns(options) },
  };
}
