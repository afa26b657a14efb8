/**
 * The entry point of the worker that computes for a server.
 *
 * @example A worker, which openWorkerService() talks with
 * ```ts
 * const worker = new Worker(
 *   import.meta.resolve("@llm-training/llm-training/inference/worker"),
 *   { type: "module" },
 * );
 * worker.terminate();
 * ```
 *
 * @module
 */

import { loadModel } from "./generation/load_model.ts";
import { hostService, isWorkerScope } from "./worker_host.ts";

const scope: unknown = globalThis;
if (isWorkerScope(scope)) hostService(scope, loadModel);
