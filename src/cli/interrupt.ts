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
