/**
 * Giving up on a server that has forgotten us.
 *
 * @module
 */

/** A server that sends nothing for so long has forgotten us, in milliseconds. */
const STALL_MS = 60_000;

/** A signal that fires by itself unless it is told that something has come. */
export interface StallSignal extends Disposable {
  /** The signal. */
  readonly signal: AbortSignal;
  /** Says that something has come. */
  restart(): void;
}

/** Returns a signal that is aborted with `signal`, or when `restart` is not called for too long. */
export function stallSignal(signal: AbortSignal): StallSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  const stalled = () =>
    controller.abort(new DOMException(`nothing came for ${STALL_MS / 1000} s`, "TimeoutError"));
  let timer = setTimeout(stalled, STALL_MS);
  signal.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    restart() {
      clearTimeout(timer);
      timer = setTimeout(stalled, STALL_MS);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    },
  };
}
