/**
 * Ctrl-C: the first asks the work to stop, the second stops the program.
 *
 * @module
 */

import { EXIT, InterruptedError } from "./exit_status.ts";

/**
 * Runs `work` with a signal that aborts at the first Ctrl-C.
 *
 * @throws {InterruptedError} If Ctrl-C was pressed, once `work` has ended.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) Deno.exit(EXIT.interrupted);
    controller.abort(new InterruptedError());
  };
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const result = await work(controller.signal);
    controller.signal.throwIfAborted();
    return result;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** A signal that asks the program to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Waits for a signal that asks the program to end; the next one ends it at once. */
export async function untilStopped(): Promise<StopSignal> {
  const signals: readonly StopSignal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  return await new Promise((resolve) => {
    for (const signal of signals) {
      let isFirst = true;
      Deno.addSignalListener(signal, () => {
        if (!isFirst) Deno.exit(EXIT.interrupted);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}
