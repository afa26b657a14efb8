/**
 * Keeping the heap of a program that runs for long small.
 *
 * @module
 */

import { collectGarbage } from "./collect_garbage.ts";

/** How often the heap is looked at. */
const INTERVAL_MS = 1000;

/** Options of {@linkcode watchHeap}. */
export interface WatchHeapOptions {
  /** How much garbage may lie about. @default {64 MiB} */
  readonly bytes?: number;
  /** Returns the bytes that the heap takes. @default {as this JavaScript thread has them} */
  readonly usedBytes?: () => number;
  /** Frees what nobody holds any more. @default {collectGarbage} */
  readonly collect?: () => void;
  /** How often to look, in milliseconds. @default {1000} */
  readonly intervalMs?: number;
}

/**
 * Frees garbage whenever so much has come together, until it is disposed of. V8 by itself lets a server under load grow
 * by more than 100 MiB a minute, up to gigabytes of which it uses 50 MiB; to collect that much takes less than a tenth
 * of a second. The program may end meanwhile.
 */
export function watchHeap(options: WatchHeapOptions = {}): Disposable {
  const { bytes = 2 ** 26, collect = collectGarbage, intervalMs = INTERVAL_MS } = options;
  const { usedBytes = () => Deno.memoryUsage().heapUsed } = options;
  let leastBytes = usedBytes();
  const timer = setInterval(() => {
    leastBytes = Math.min(leastBytes, usedBytes()); // it does collect now and then
    if (usedBytes() - leastBytes < bytes) return;
    collect();
    leastBytes = usedBytes();
  }, intervalMs);
  Deno.unrefTimer(timer);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
