/**
 * A server that models are deployed to, in this process: it can die, come back with what it wrote down, and be made to
 * fail.
 *
 * @module
 */

import { join } from "node:path";
import { createServer } from "../../../src/inference/create_server.ts";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { fileStore } from "../../../src/inference/hosting/host_state.ts";
import { createModelHost, type ModelHost } from "../../../src/inference/hosting/model_host.ts";
import { hashMismatch } from "../../../src/inference/hosting/model_spec.ts";
import { joinedKeys, singleKey } from "../../../src/inference/keys/key_ring.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import { hashModel } from "../../../src/inference/model_hash.ts";
import type { InferenceService } from "../../../src/inference/service.ts";
import type { LoadRequest } from "../../../src/inference/worker_protocol.ts";
import { hostOf, type HostSettings } from "../../../src/monitoring/deployment/host_settings.ts";

/** The key of the orchestrator. */
export const ADMIN_KEY = "an-admin-key";

/** The key of a client. */
export const READ_KEY = "a-read-key";

/** The environment of the orchestrator. */
export const ENV = { LLM_TRAINING_ADMIN_KEY: ADMIN_KEY } as const;

/** Answers a request in the host's place, or lets the host do so. */
export type Meddler = (
  request: Request,
  next: () => Promise<Response>,
) => Promise<Response>;

/** A host. */
export interface TestHost extends AsyncDisposable {
  /** How the orchestrator reaches it; it ships by hard links. */
  readonly settings: HostSettings;
  /** Where it listens. */
  readonly url: string;
  /** The folder of its models. */
  readonly root: string;
  /** Its models, while it lives. */
  readonly models: ModelHost | undefined;
  /** Stands between the host and everybody. */
  meddler: Meddler | undefined;
  /** Has the host load something else than it says: `replace` returns the folder that is loaded in fact. */
  replace: ((load: LoadRequest) => string) | undefined;
  /** Called before a model computes; what it throws is a fault of the device. */
  beforeRun: ((model: string) => Promise<void> | void) | undefined;
  /** Ends it as a power cut would: what runs gets no answer, what is in memory is gone. */
  die(): Promise<void>;
  /** Starts it again, at the same place, with what it wrote down. */
  revive(): Promise<void>;
  /** Asks it as the orchestrator does. */
  // deno-lint-ignore no-explicit-any -- tests look into it
  admin(method: string, path: string, body?: unknown): Promise<any>;
}

/** Options of {@linkcode startTestHost}. */
export interface TestHostOptions {
  /** Its name. @default {"web-1"} */
  readonly name?: string;
  /** A folder for its models and its state. */
  readonly folder: string;
  /** How files get there. @default {by hard links} */
  readonly ship?: string;
}

/** Starts a host. */
export async function startTestHost(options: TestHostOptions): Promise<TestHost> {
  const { name = "web-1", folder } = options;
  const root = join(folder, "models");
  await Deno.mkdir(root, { recursive: true });
  const host = new Host(root, join(folder, "serving.json"));
  await host.revive();
  host.settings = hostOf({ name, url: host.url, ship: options.ship ?? `link:${root}` });
  return host;
}

class Host implements TestHost {
  readonly root: string;
  readonly #state: string;
  settings!: HostSettings;
  models: ModelHost | undefined;
  meddler: Meddler | undefined;
  replace: ((load: LoadRequest) => string) | undefined;
  beforeRun: ((model: string) => Promise<void> | void) | undefined;
  #port = 0;
  #life = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  /** What is answered, also to clients that have gone. */
  readonly #answering = new Set<Promise<Response>>();

  constructor(root: string, state: string) {
    this.root = root;
    this.#state = state;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async revive(): Promise<void> {
    const models = await createModelHost({
      open: (load) => this.#open(load),
      hash: hashModel,
      estimateBytes: () => Promise.resolve(10),
      maxBytes: 1000,
      modelRoot: this.root,
      defaults: { device: "native", threads: 1, limits: {} },
      store: fileStore(this.#state),
    });
    const handler = createServer({
      models,
      keys: joinedKeys([
        singleKey(READ_KEY, { role: "read" }),
        singleKey(ADMIN_KEY, { role: "admin" }),
      ]),
    });
    this.models = models;
    this.#life = new AbortController();
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      signal: this.#life.signal,
      onListen: () => {},
    }, (request) => {
      const next = async () => await handler(request);
      const answer = this.meddler?.(request, next) ?? next();
      this.#answering.add(answer);
      return answer.finally(() => this.#answering.delete(answer));
    });
    this.#port = this.#server.addr.port;
  }

  async die(): Promise<void> {
    const { models } = this;
    this.models = undefined;
    this.#life.abort();
    await this.#server?.finished;
    await models?.[Symbol.asyncDispose]();
    await Promise.allSettled(this.#answering);
  }

  // deno-lint-ignore no-explicit-any -- tests look into it
  async admin(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${this.url}/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return text === "" ? undefined : JSON.parse(text);
  }

  async #open(load: LoadRequest): Promise<InferenceService> {
    const { id = "model", adapter } = load;
    const contentHash = await hashModel(load);
    if (load.contentHash !== undefined && load.contentHash !== contentHash) {
      throw hashMismatch(load.folder, contentHash);
    }
    const model = await loadModel(this.replace?.(load) ?? load.folder, {
      device: "native",
      threads: 1,
      adapter,
      weights: load.weights ?? "f32",
    });
    const { decoder } = model;
    const watched = {
      ...decoder,
      vocabSize: decoder.vocabSize,
      maxPositions: decoder.maxPositions,
      adapters: decoder.adapters,
      memory: decoder.memory,
      open: () => decoder.open(),
      extend: async (...args: Parameters<typeof decoder.extend>) => {
        await this.beforeRun?.(id);
        return await decoder.extend(...args);
      },
      [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
    };
    return createLocalService({ ...model, decoder: watched, id, contentHash }, load.limits);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.models !== undefined) await this.die();
  }
}
