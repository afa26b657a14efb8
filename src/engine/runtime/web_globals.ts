/**
 * Keeps ONNX Runtime Web, which takes Deno for Node.js or for a page, from spoiling the globals of others.
 *
 * @module
 */

import { Worker as NodeWorker } from "node:worker_threads";

/** The name that the library gives to the threads it starts. */
const LIBRARY_THREAD = "em-pthread";

/** Says whether this JavaScript thread's globals are prepared. */
const state = { prepared: false };

/**
 * Prepares the globals of this JavaScript thread, once; to be called before the library is loaded.
 *
 * The library assigns the `Worker` of `node:worker_threads` to `globalThis.Worker`, because its threads need
 * that one: afterwards nobody else could start a web worker. From here on `Worker` gives each what it needs.
 *
 * In a module worker `location` is a `file:` URL, which the library takes for a page's address and fails to
 * resolve its files against ("Invalid URL"). Assigning to it throws.
 */
export function prepareGlobals(): void {
  if (state.prepared) return;
  state.prepared = true;
  const WebWorker = globalThis.Worker;
  class DispatchingWorker extends WebWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      if (options?.name === LIBRARY_THREAD) return new NodeWorker(url, options) as never;
      super(url, options);
    }
  }
  Object.defineProperty(globalThis, "Worker", {
    configurable: true,
    get: () => DispatchingWorker,
    set: () => {},
  });
  Object.defineProperty(globalThis, "location", { value: undefined, configurable: true });
}
