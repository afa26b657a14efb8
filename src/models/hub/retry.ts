/**
 * Trying again what the network broke off.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { formatDuration } from "../../utils/format.ts";
import { type HubSubject, networkFault, unreachableError } from "./hub_error.ts";
import { BusyError } from "./request.ts";

/** When to try again. */
export interface RetryPolicy {
  /** Tries in all that bring nothing. @default {5} */
  readonly attempts?: number;
  /** Wait before the second try; before each later one it is twice as long. @default {1000} */
  readonly minDelayMs?: number;
}

/** Options of {@linkcode withRetries}. */
export interface RetryOptions {
  /** What is asked for, for the message. */
  readonly subject: HubSubject;
  /** When to try again. */
  readonly policy: RetryPolicy;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Called before a wait. */
  readonly onRetry?: (reason: string) => void;
  /** Whether the last try has brought anything; then the count starts anew. @default {it has not} */
  readonly progressed?: () => boolean;
}

const MAX_DELAY_MS = 60_000;

/**
 * Calls `work` until it succeeds, waiting longer after each failure of the network.
 *
 * @throws {UserError} If it does not come to succeed, or at once if `work` throws one.
 */
export async function withRetries<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { subject, policy, signal, onRetry = () => {}, progressed = () => false } = options;
  const { attempts = 5, minDelayMs = 1000 } = policy;
  for (let failures = 0;;) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfNetwork(error)) throw error;
      failures = progressed() ? 1 : failures + 1;
      const busy = error instanceof BusyError ? error : undefined;
      if (failures >= attempts) throw busy?.cause ?? unreachableError(error, subject);
      const ownDelayMs = minDelayMs * 2 ** (failures - 1);
      const delayMs = Math.min(Math.max(busy?.retryAfterMs ?? 0, ownDelayMs), MAX_DELAY_MS);
      const fault = busy?.message ?? networkFault(error, subject);
      onRetry(`${fault}; trying again in ${formatDuration(delayMs)}`);
      await pause(delayMs, signal);
    }
  }
}

/** Waits; ends early, with its reason, when `signal` is aborted. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, durationMs);
    signal.addEventListener("abort", abort, { once: true });
  });
}

/** `fetch` and bodies throw a TypeError where the network fails, streams that stall a TimeoutError. */
function isOfNetwork(error: unknown): boolean {
  if (error instanceof UserError) return false;
  return error instanceof BusyError || error instanceof TypeError ||
    error instanceof Deno.errors.Http ||
    (error instanceof DOMException && error.name === "TimeoutError");
}
