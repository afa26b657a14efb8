/**
 * The entry point of the worker that computes for a server.
 *
 * @module
 */

import { loadModel } from "./generation/load_model.ts";
import { hostService, isWorkerScope } from "./worker_host.ts";

const scope: unknown = globalThis;
if (isWorkerScope(scope)) hostService(scope, loadModel);
