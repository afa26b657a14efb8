/**
 * A server that listens, with each of its models in a worker of its own.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import process from "node:process";
import { chooseDevice } from "../engine/runtime/devices.ts";
import { createServer, type Handler } from "./create_server.ts";
import { UserError } from "../utils/errors.ts";
import { isEncoderFolder } from "./embeddings/encoder_files.ts";
import { estimateMemory } from "./estimate_memory.ts";
import type { HostStore } from "./hosting/host_state.ts";
import { createModelHost, type ModelHost } from "./hosting/model_host.ts";
import { hashMismatch, type LoadDefaults } from "./hosting/model_spec.ts";
import type { AccessEntry } from "./http/access_entry.ts";
import { ApiError } from "./http/api_error.ts";
import {
  type Address,
  isLoopback,
  listen,
  LOCAL_NAMES,
  refuseOpenHost,
  urlHost,
} from "./listen.ts";
import { openKeyRing } from "./keys/key_ring.ts";
import { hashModel } from "./model_hash.ts";
import { DEFAULT_PORT } from "./serve_settings.ts";
import type { InferenceService, ModelInfo } from "./service.ts";
import type { LoadRequest } from "./worker_protocol.ts";
import { openWorkerService, type WorkerHandle } from "./worker_service.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /** Which model to serve, or several; what is called nothing else is called as its folder. @default {[]} */
  readonly load?: LoadRequest | readonly LoadRequest[];
  /** Models that are there for embeddings, besides. @default {none} */
  readonly embedders?: readonly LoadRequest[];
  /** The folder of models that admins may have it load. @default {"models"} */
  readonly modelRoot?: string;
  /** How those are loaded. @default {as the first model, else as fits the machine} */
  readonly defaults?: LoadDefaults;
  /** The most bytes of all models together. @default {80 % of the machine's, or what the largest one given takes} */
  readonly maxMemoryBytes?: number;
  /** What remembers the models and aliases of admins. @default {the process} */
  readonly store?: HostStore;
  /** The name that stands for requests that name none. @default {"champion", or the first model} */
  readonly defaultName?: string;
  /** The name or address to listen on. @default {"127.0.0.1"} */
  readonly host?: string;
  /** The port to listen on; 0 takes a free one. @default {8765} */
  readonly port?: number;
  /** The key that clients must send. @default {none is needed} */
  readonly apiKey?: string;
  /** The file of clients' keys; if it holds any, one must be sent. @default {there is none} */
  readonly keysFile?: string;
  /** Is told of every request when its answer begins. @default {nobody} */
  readonly onAccess?: (entry: AccessEntry) => void;
  /** Listen without a key where other machines can reach the server. @default {false} */
  readonly allowWithoutKey?: boolean;
  /** The web pages that may call the server, by origin. @default {none} */
  readonly corsOrigins?: readonly string[];
  /** Is told of errors that are the server's fault. @default {nobody} */
  readonly onError?: (error: unknown) => void;
  /** Starts a worker. @default {the one beside this module} */
  readonly createWorker?: () => WorkerHandle;
  /** Returns about how many bytes a model takes. @default {by its parameters and caches} */
  readonly estimateBytes?: (load: LoadRequest) => Promise<number>;
  /** Hashes what is loaded. @default {SHA-256 of the files} */
  readonly hash?: (load: LoadRequest) => Promise<string>;
  /** Gives requests to the handler, from where it is called on. @default {listens on host and port} */
  readonly listen?: (address: Address, handler: Handler) => Listener;
}

/** What gives requests to a handler. */
export interface Listener {
  /** Where it listens. */
  readonly addr: { readonly port: number };
  /** Finishes what runs, and takes no more. */
  shutdown(): Promise<void>;
}

/** A server that listens; disposing it is {@linkcode RunningServer.shutdown}. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, without a path. */
  readonly url: string;
  /** The models that are loaded. */
  readonly models: readonly ModelInfo[];
  /** Finishes what runs, refuses what comes, and frees the models. */
  shutdown(): Promise<void>;
}

/**
 * Loads models and serves them.
 *
 * @throws {UserError} If it would be open to other machines without a key, if the model cannot be loaded, or if
 * the port cannot be had.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { host = "127.0.0.1", port = DEFAULT_PORT, apiKey, onError = () => {} } = options;
  const { allowWithoutKey = false, corsOrigins = [] } = options;
  const isLocal = isLoopback(host);
  const { keysFile, onAccess } = options;
  const keys = await openKeyRing({ apiKey, keysFile });
  const isOpen = keys === undefined;
  if (!allowWithoutKey) refuseOpenHost(host, { hasKeys: !isOpen, what: "the model" });
  let handler: Handler = () => loading().toResponse();
  const server = (options.listen ?? listen)({ host, port }, (request) => handler(request));
  try {
    const models = await openModels(options);
    handler = createServer({
      models,
      ...(keys === undefined ? {} : { keys }),
      ...(onAccess === undefined ? {} : { onAccess }),
      ...(isOpen && isLocal ? { hosts: [...LOCAL_NAMES, urlHost(host)] } : {}),
      corsOrigins,
      onError,
    });
    let end: Promise<void> | undefined;
    const shutdown = () => {
      models.pulls[Symbol.dispose](); // which may take hours
      return end ??= server.shutdown().then(() => models[Symbol.asyncDispose]());
    };
    return {
      url: `http://${urlHost(host)}:${server.addr.port}`,
      models: models.models().flatMap(({ service }) => service?.model ?? []),
      shutdown,
      [Symbol.asyncDispose]: shutdown,
    };
  } catch (error) {
    await server.shutdown();
    throw error;
  }
}

/** The share of the machine's memory that models may take together. */
const MEMORY_SHARE = 0.8;

async function openModels(options: ServeOptions): Promise<ModelHost> {
  const { load = [], hash = hashModel, modelRoot = "models", store, defaultName } = options;
  const { createWorker = startWorker, estimateBytes = estimateMemory, onError } = options;
  const embedders = (options.embedders ?? []).map((each) => ({ ...each, embeds: true }));
  const models = [...[load].flat(), ...embedders]
    .map((each) => ({ id: basename(resolve(each.folder)), ...each }));
  requireOwnNames(models);
  const open = async (load: LoadRequest): Promise<InferenceService> => {
    const contentHash = await hash(load);
    if (load.contentHash !== undefined && load.contentHash !== contentHash) {
      throw hashMismatch(load.folder, contentHash);
    }
    return await openWorkerService({
      createWorker,
      load: { ...await withDevice(load), contentHash },
      ...(onError === undefined ? {} : { onCrash: onError }),
    });
  };
  const maxBytes = options.maxMemoryBytes ?? Math.max(
    MEMORY_SHARE * Math.min(Deno.systemMemoryInfo().total, process.constrainedMemory() || Infinity),
    ...await Promise.all(models.map(estimateBytes)),
  );
  return await createModelHost({
    open,
    hash,
    estimateBytes,
    maxBytes,
    modelRoot,
    models,
    defaults: options.defaults ?? defaultsOf(models[0]),
    defaultName,
    ...(onError === undefined ? {} : { onError }),
    ...(store === undefined ? {} : { store }),
  });
}

/** Chosen here, so that the worker touches no device but the one it uses; encoders have a default of their own. */
async function withDevice(load: LoadRequest): Promise<LoadRequest> {
  if (load.device === "auto" && load.embeds && await isEncoderFolder(load.folder)) return load;
  const { device, reason: deviceReason } = await chooseDevice(load.device);
  return { deviceReason, ...load, device };
}

/** @throws {UserError} If two models or adapters are called the same. */
function requireOwnNames(models: readonly LoadRequest[]): void {
  const names = models.flatMap((
    { id, adapters = [] },
  ) => [id, ...adapters.map(({ name }) => name)]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UserError(
    `Cannot serve two models as "${twice}": give one of them another name, as in other=folder`,
  );
}

function defaultsOf(first: LoadRequest | undefined): LoadDefaults {
  if (first === undefined) return { device: "auto", weights: "auto", limits: {} };
  const { device, threads, weights, limits } = first;
  return {
    device,
    limits,
    ...(threads === undefined ? {} : { threads }),
    ...(weights === undefined ? {} : { weights }),
  };
}

function loading(): ApiError {
  return new ApiError(503, "The model is being loaded", {
    code: "loading",
    headers: { "retry-after": "1" },
  });
}

function startWorker(): WorkerHandle {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}
