/**
 * A server that listens, with each of its models in a worker of its own.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import process from "node:process";
import { chooseDevice, type DeviceChoice, type DeviceWish } from "../engine/runtime/devices.ts";
import { createServer, type Handler } from "./create_server.ts";
import { UserError } from "../utils/errors.ts";
import { isEncoderFolder } from "./embeddings/encoder_files.ts";
import { estimateMemory } from "./estimate_memory.ts";
import type { HostStore } from "./hosting/host_state.ts";
import { createModelHost, type ModelHost } from "./hosting/model_host.ts";
import { hashMismatch, type LoadDefaults } from "./hosting/model_spec.ts";
import type { AccessEntry } from "./http/access_entry.ts";
import { ApiError } from "./http/api_error.ts";
import { isLoopback, listen, LOCAL_NAMES, refuseOpenHost, urlHost } from "./listen.ts";
import { type KeyRing, openKeyRing } from "./keys/key_ring.ts";
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
  /** Chooses where a model runs. @default {chooseDevice, which loads libraries of devices into this process} */
  readonly chooseDevice?: (wish: DeviceWish) => Promise<DeviceChoice>;
  /** Returns about how many bytes a model takes. @default {by its parameters and caches} */
  readonly estimateBytes?: (load: LoadRequest) => Promise<number>;
  /** Hashes what is loaded. @default {SHA-256 of the files} */
  readonly hash?: (load: LoadRequest) => Promise<string>;
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
  const { host = "127.0.0.1", port = DEFAULT_PORT } = options;
  const keys = await openKeys(options);
  let handler: Handler = () => loading().toResponse();
  const server = listen({ host, port }, (request) => handler(request));
  try {
    const opened = await openWithKeys(options, keys);
    handler = opened.handler;
    let end: Promise<void> | undefined;
    const shutdown = () => {
      opened.stopPulls();
      return end ??= server.shutdown().then(() => opened[Symbol.asyncDispose]());
    };
    return {
      url: `http://${urlHost(host)}:${server.addr.port}`,
      models: opened.models,
      shutdown,
      [Symbol.asyncDispose]: shutdown,
    };
  } catch (error) {
    await server.shutdown();
    throw error;
  }
}

/** Models and what answers requests to them, wherever these are listened for; disposing it frees the models. */
export interface OpenedServer extends AsyncDisposable {
  /** Answers requests. */
  readonly handler: Handler;
  /** The models that are loaded. */
  readonly models: readonly ModelInfo[];
  /** Ends downloads of models, which may take hours. */
  stopPulls(): void;
}

/**
 * Loads models, and returns what answers requests to them: nothing listens. `host` says who listens.
 *
 * @throws {UserError} As {@linkcode serve} does.
 */
export async function openServer(
  options: Omit<ServeOptions, "port">,
): Promise<OpenedServer> {
  return await openWithKeys(options, await openKeys(options));
}

/** @throws {UserError} If other machines could use the models without a key. */
async function openKeys(
  { host = "127.0.0.1", apiKey, keysFile, allowWithoutKey = false }: ServeOptions,
): Promise<KeyRing | undefined> {
  const keys = await openKeyRing({ apiKey, keysFile });
  if (!allowWithoutKey) refuseOpenHost(host, { hasKeys: keys !== undefined, what: "the model" });
  return keys;
}

async function openWithKeys(
  options: ServeOptions,
  keys: KeyRing | undefined,
): Promise<OpenedServer> {
  const { host = "127.0.0.1", corsOrigins = [], onAccess, onError = () => {} } = options;
  const models = await openModels(options);
  const isOpen = keys === undefined;
  const handler = createServer({
    models,
    ...(isOpen ? {} : { keys }),
    ...(onAccess === undefined ? {} : { onAccess }),
    ...(isOpen && isLoopback(host) ? { hosts: [...LOCAL_NAMES, urlHost(host)] } : {}),
    corsOrigins,
    onError,
  });
  const stopPulls = () => models.pulls[Symbol.dispose]();
  return {
    handler,
    models: models.models().flatMap(({ service }) => service?.model ?? []),
    stopPulls,
    [Symbol.asyncDispose]() {
      stopPulls();
      return models[Symbol.asyncDispose]();
    },
  };
}

/** The share of the machine's memory that models may take together. */
const MEMORY_SHARE = 0.8;

async function openModels(options: ServeOptions): Promise<ModelHost> {
  const { load = [], hash = hashModel, modelRoot = "models", store, defaultName } = options;
  const { chooseDevice: choose = chooseDevice } = options;
  const { createWorker = startWorker, onError } = options;
  const { estimateBytes = (load) => estimateMemory(load, { choose }) } = options;
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
      load: { ...await withDevice(load, choose), contentHash },
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
async function withDevice(
  load: LoadRequest,
  choose: (wish: DeviceWish) => Promise<DeviceChoice>,
): Promise<LoadRequest> {
  if (load.device === "auto" && load.embeds && await isEncoderFolder(load.folder)) return load;
  const { device, reason: deviceReason } = await choose(load.device);
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
