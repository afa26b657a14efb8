/**
 * Ctrl-C, or what a system's shutdown sends: the first asks the work to stop, the second stops the program.
 *
 * @module
 */

import { EXIT, InterruptedError } from "./exit_status.ts";

/** A signal that asks the program to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** The signals that do so on this system. */
export const STOP_SIGNALS: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/**
 * Runs `work` with a signal that aborts at the first signal to stop.
 *
 * @throws {InterruptedError} If there was one, once `work` has ended.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) Deno.exit(EXIT.interrupted);
    controller.abort(new InterruptedError());
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, interrupt);
  try {
    const result = await work(controller.signal);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, interrupt);
  }
}

/** Waits for a signal that asks the program to end; the next one ends it at once. */
export async function untilStopped(): Promise<StopSignal> {
  return await new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) {
      let isFirst = true;
      Deno.addSignalListener(signal, () => {
        if (!isFirst) Deno.exit(EXIT.interrupted);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}
