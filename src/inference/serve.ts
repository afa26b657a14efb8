/**
 * A server that listens, with its model in a worker.
 *
 * @module
 */

import { chooseDevice } from "../engine/runtime/devices.ts";
import { createServer, type Handler } from "./create_server.ts";
import type { AccessEntry } from "./http/access_entry.ts";
import { ApiError } from "./http/api_error.ts";
import { isEncoderFolder } from "./embeddings/encoder_files.ts";
import { isLoopback, listen, LOCAL_NAMES, refuseOpenHost, urlHost } from "./listen.ts";
import { openKeyRing } from "./keys/key_ring.ts";
import { hashModel } from "./model_hash.ts";
import { DEFAULT_PORT } from "./serve_settings.ts";
import type { InferenceService, ModelInfo } from "./service.ts";
import { UserError } from "../utils/errors.ts";
import type { LoadRequest } from "./worker_protocol.ts";
import { openWorkerService, type WorkerHandle } from "./worker_service.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /** Which model to serve. */
  readonly load: LoadRequest;
  /** Models that are there for embeddings, besides. @default {none} */
  readonly embedders?: readonly LoadRequest[];
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
  /** Starts the worker. @default {the one beside this module} */
  readonly createWorker?: () => WorkerHandle;
  /** Hashes what is loaded. @default {SHA-256 of the files} */
  readonly hash?: (load: LoadRequest) => Promise<string>;
}

/** A server that listens; disposing it is {@linkcode RunningServer.shutdown}. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, without a path. */
  readonly url: string;
  /** What it serves. */
  readonly model: ModelInfo;
  /** What it serves for embeddings, besides. */
  readonly embedders: readonly ModelInfo[];
  /** Finishes what runs, refuses what comes, and frees the model. */
  shutdown(): Promise<void>;
}

/**
 * Loads a model and serves it.
 *
 * @throws {UserError} If it would be open to other machines without a key, if the model cannot be loaded, or if
 * the port cannot be had.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { load, host = "127.0.0.1", port = DEFAULT_PORT, apiKey, onError = () => {} } = options;
  const { createWorker = startWorker, allowWithoutKey = false, corsOrigins = [] } = options;
  const isLocal = isLoopback(host);
  const { keysFile, onAccess } = options;
  const keys = await openKeyRing({ apiKey, keysFile });
  const isOpen = keys === undefined;
  if (!allowWithoutKey) refuseOpenHost(host, { hasKeys: !isOpen, what: "the model" });
  let handler: Handler = () => loading().toResponse();
  const server = listen({ host, port }, (request) => handler(request));
  try {
    await using services = new AsyncDisposableStack();
    const open = async (wanted: LoadRequest) => {
      const contentHash = await (options.hash ?? hashModel)(wanted);
      return services.use(
        await openWorkerService({
          createWorker,
          load: { ...await withDevice(wanted), contentHash },
          onCrash: onError,
        }),
      );
    };
    const service = await open(load);
    const embedders: InferenceService[] = [];
    for (const each of options.embedders ?? []) {
      requireNewName(each, [service, ...embedders]);
      embedders.push(await open({ ...each, embeds: true }));
    }
    const opened = services.move();
    handler = createServer({
      service,
      embedders,
      ...(keys === undefined ? {} : { keys }),
      ...(onAccess === undefined ? {} : { onAccess }),
      ...(isOpen && isLocal ? { hosts: [...LOCAL_NAMES, urlHost(host)] } : {}),
      corsOrigins,
      onError,
    });
    let end: Promise<void> | undefined;
    const shutdown = () => end ??= server.shutdown().then(() => opened.disposeAsync());
    return {
      url: `http://${urlHost(host)}:${server.addr.port}`,
      model: service.model,
      embedders: embedders.map(({ model }) => model),
      shutdown,
      [Symbol.asyncDispose]: shutdown,
    };
  } catch (error) {
    await server.shutdown();
    throw error;
  }
}

/** Chosen here, so that the worker touches no device but the one it uses; encoders have a default of their own. */
async function withDevice(load: LoadRequest): Promise<LoadRequest> {
  if (load.device === "auto" && load.embeds && await isEncoderFolder(load.folder)) return load;
  const { device, reason: deviceReason } = await chooseDevice(load.device);
  return { deviceReason, ...load, device };
}

function requireNewName({ id }: LoadRequest, others: readonly InferenceService[]): void {
  const names = others.flatMap(({ model }) => [model.id, ...model.adapters]);
  if (id === undefined || !names.includes(id)) return;
  throw new UserError(
    `Cannot serve two models as "${id}": give one another name, as in --embedding-model name=folder`,
  );
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
