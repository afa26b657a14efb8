/**
 * A server with toy models that admins change. A model's folder says how it behaves: in `toy.json`, or nothing.
 *
 * @module
 */

import { join } from "node:path";
import OpenAI from "openai";
import { createServer } from "../../../src/inference/create_server.ts";
import { createModelHost, type ModelHost } from "../../../src/inference/hosting/model_host.ts";
import { hashMismatch } from "../../../src/inference/hosting/model_spec.ts";
import type { HostStore } from "../../../src/inference/hosting/host_state.ts";
import { joinedKeys, singleKey } from "../../../src/inference/keys/key_ring.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import { hashModel } from "../../../src/inference/model_hash.ts";
import type { InferenceService } from "../../../src/inference/service.ts";
import type { LoadRequest } from "../../../src/inference/worker_protocol.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { createToyModel } from "../toy_model.ts";

/** How a toy model behaves. */
export interface ToyBehaviour {
  /** It cannot be loaded. */
  readonly isBroken?: boolean;
  /** Its runs fail from this one on. */
  readonly failsFrom?: number;
  /** How long a run takes, in turns of the event loop. @default {0} */
  readonly turns?: number;
  /** The most tokens it reads. @default {256} */
  readonly maxPositions?: number;
  /** Tells its content from that of others. */
  readonly salt?: string;
}

/** A host that listens. */
export interface ToyHost extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** The models. */
  readonly host: ModelHost;
  /** The folder of models that admins may load. */
  readonly root: string;
  /** What was loaded and closed, in order, and what went wrong. */
  readonly log: string[];
  /** The official client, with a key of the role `read`. */
  readonly client: OpenAI;
  /** Makes a model's folder in the root. */
  make(name: string, behaviour?: ToyBehaviour): Promise<string>;
  /** Sends a request as an admin and returns status and body. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks a model for a letter and returns who answered. */
  ask(model: string, options?: AskOptions): Promise<Answer>;
}

/** Options of {@linkcode ToyHost.ask}. */
export interface AskOptions {
  /** The most tokens. @default {1} */
  readonly maxTokens?: number;
  /** What to go on from. @default {"a"} */
  readonly prompt?: string;
}

/** What was answered. */
export interface Answer {
  /** The status. */
  readonly status: number;
  /** The JSON, `undefined` where there is none. */
  // deno-lint-ignore no-explicit-any -- tests look into it
  readonly body: any;
}

/** Options of {@linkcode startToyHost}. */
export interface ToyHostOptions {
  /** Models that are there from the start, by name. @default {{}} */
  readonly models?: Readonly<Record<string, ToyBehaviour>>;
  /** The most bytes; each model takes 10. @default {1000} */
  readonly maxBytes?: number;
  /** What remembers. @default {the process} */
  readonly store?: HostStore;
  /** The folder of models. @default {a new one} */
  readonly root?: string;
  /** Serve without keys. @default {false} */
  readonly isOpen?: boolean;
}

/** The keys of clients, by role. */
export const KEYS = { read: "a-read-key", admin: "an-admin-key" } as const;

/** Starts a server with toy models on a free port. */
export async function startToyHost(options: ToyHostOptions = {}): Promise<ToyHost> {
  const { models = {}, maxBytes = 1000, isOpen = false } = options;
  const folder = await temporaryFolder();
  const root = options.root ?? await Deno.realPath(folder.path);
  const log: string[] = [];
  const make = async (name: string, behaviour: ToyBehaviour = {}) => {
    const path = join(root, name);
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(join(path, "toy.json"), JSON.stringify({ salt: name, ...behaviour }));
    return path;
  };
  const given: LoadRequest[] = [];
  for (const [id, behaviour] of Object.entries(models)) {
    given.push({ id, folder: await make(id, behaviour), device: "wasm", limits: {} });
  }
  const host = await createModelHost({
    open: (load) => openToy(load, log),
    hash: hashModel,
    estimateBytes: () => Promise.resolve(10),
    maxBytes,
    modelRoot: root,
    defaults: { device: "wasm", limits: {} },
    pulls: { attempts: 2, minDelayMs: 1 },
    models: given,
    onError: (error) => log.push(String(error)),
    ...(options.store === undefined ? {} : { store: options.store }),
  });
  const keys = joinedKeys([
    singleKey(KEYS.read, { role: "read" }),
    singleKey(KEYS.admin, { role: "admin" }),
  ]);
  const onError = (error: unknown) => log.push(String(error));
  const handler = createServer({ models: host, onError, ...(isOpen ? {} : { keys }) });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEYS.read, maxRetries: 0 });
  const send = async (key: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    url,
    host,
    root,
    log,
    client,
    make,
    admin: (method, path, body) => send(KEYS.admin, method, path, body),
    ask: (model, { maxTokens = 1, prompt = "a" } = {}) =>
      send(KEYS.read, "POST", "/v1/completions", {
        model,
        prompt,
        max_tokens: maxTokens,
        temperature: 0,
      }),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await host[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function openToy(load: LoadRequest, log: string[]): Promise<InferenceService> {
  const { folder, id = "toy" } = load;
  const contentHash = await hashModel(load);
  if (load.contentHash !== undefined && load.contentHash !== contentHash) {
    throw hashMismatch(folder, contentHash);
  }
  const behaviour: ToyBehaviour = JSON.parse(await Deno.readTextFile(join(folder, "toy.json")));
  const { isBroken, failsFrom = Infinity, turns = 0, maxPositions = 256 } = behaviour;
  if (isBroken) throw new UserError(`Cannot read "${folder}": it is broken`);
  let runs = 0;
  const model = createToyModel({
    maxPositions,
    async beforeExtend() {
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve, 0));
      if (++runs >= failsFrom) throw new Error("the device is lost");
    },
  });
  const service = createLocalService({ ...model, id, folder, contentHash }, load.limits);
  log.push(`open ${id}`);
  return {
    model: service.model,
    isAvailable: true,
    submit: (request, options) => service.submit(request, options),
    encode: (prompt, options) => service.encode(prompt, options),
    embed: (request, options) => service.embed(request, options),
    stats: () => service.stats(),
    drain: () => service.drain(),
    async [Symbol.asyncDispose]() {
      log.push(`close ${id}`);
      await service[Symbol.asyncDispose]();
    },
  };
}
