/**
 * A service that computes in a worker, which is watched: when it crashes or falls silent, running requests fail, another
 * one is started and loads the model again.
 *
 * @module
 */

import { messageOf } from "../utils/errors.ts";
import { InferenceError } from "./inference_error.ts";
import type {
  Completion,
  CompletionRequest,
  Embedding,
  EmbeddingRequest,
  EncodeRequestOptions,
  InferenceService,
  ModelInfo,
  Prompt,
  PromptTokens,
  ServiceStats,
  SubmitOptions,
} from "./service.ts";
import { unavailable, WorkerConnection, type WorkerHandle } from "./worker_connection.ts";
import type { LoadRequest } from "./worker_protocol.ts";

export type { WorkerHandle } from "./worker_connection.ts";

/** Options of {@linkcode openWorkerService}. */
export interface WorkerServiceOptions {
  /** Starts a worker that hosts a service. */
  readonly createWorker: () => WorkerHandle;
  /** Which model it loads. */
  readonly load: LoadRequest;
  /** Is told of crashes. @default {nobody} */
  readonly onCrash?: (error: Error) => void;
  /** A worker that says nothing for so long when asked is taken for dead. @default {60_000} */
  readonly silenceMs?: number;
  /** How long to wait before the second try in a row to start a worker; then twice as long, and so on. @default {500} */
  readonly restartDelayMs?: number;
}

/**
 * Starts a worker and loads a model there.
 *
 * @throws {UserError} If the model cannot be loaded.
 */
export async function openWorkerService(options: WorkerServiceOptions): Promise<InferenceService> {
  const { createWorker, load, silenceMs = SILENCE_MS } = options;
  const first = await WorkerConnection.open(createWorker(), { load, silenceMs });
  return new WorkerService(first, options);
}

const SILENCE_MS = 60_000;
const MAX_RESTART_DELAY_MS = 30_000;

class WorkerService implements InferenceService {
  readonly model: ModelInfo;
  readonly #options: WorkerServiceOptions;
  readonly #closing = new AbortController();
  #connection: WorkerConnection | undefined;
  /** Restarts since a worker last answered a request. */
  #restarts = 0;
  #isDraining = false;

  constructor(connection: WorkerConnection, options: WorkerServiceOptions) {
    this.model = connection.model;
    this.#options = options;
    this.#use(connection);
  }

  get isAvailable(): boolean {
    return this.#connection !== undefined && !this.#isDraining;
  }

  async submit(request: CompletionRequest, options: SubmitOptions = {}): Promise<Completion> {
    if (this.#isDraining) {
      throw new InferenceError("unavailable", "Cannot take the request: the model is being closed");
    }
    if (this.#connection === undefined) throw unavailable();
    const completion = await this.#connection.submit(request, options.signal);
    this.#restarts = 0;
    return completion;
  }

  async embed(
    request: EmbeddingRequest,
    options: SubmitOptions = {},
  ): Promise<readonly Embedding[]> {
    if (this.#isDraining) {
      throw new InferenceError("unavailable", "Cannot take the request: the model is being closed");
    }
    if (this.#connection === undefined) throw unavailable();
    const embeddings = await this.#connection.embed(request, options.signal);
    this.#restarts = 0;
    return embeddings;
  }

  async encode(prompt: Prompt, options: EncodeRequestOptions = {}): Promise<PromptTokens> {
    if (this.#connection === undefined) throw unavailable();
    return await this.#connection.encode(prompt, options);
  }

  async stats(): Promise<ServiceStats> {
    if (this.#connection === undefined) throw unavailable();
    return await this.#connection.stats();
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#connection?.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  #use(connection: WorkerConnection): void {
    this.#connection = connection;
    void connection.crashed.then((error) => this.#restart(error));
  }

  async #restart(error: Error): Promise<void> {
    const { onCrash, createWorker, load, silenceMs = SILENCE_MS } = this.#options;
    this.#connection = undefined;
    if (this.#closing.signal.aborted) return;
    onCrash?.(error);
    while (!this.#closing.signal.aborted) {
      await this.#pause(this.#restarts++);
      if (this.#closing.signal.aborted) return;
      try {
        const connection = await WorkerConnection.open(createWorker(), { load, silenceMs });
        if (this.#closing.signal.aborted) await connection.close();
        else this.#use(connection);
        return;
      } catch (cause) {
        onCrash?.(new Error(`Cannot start the worker again: ${messageOf(cause)}`, { cause }));
      }
    }
  }

  /** The first restart comes at once, the second after a while, the others after ever longer ones. */
  async #pause(restarts: number): Promise<void> {
    if (restarts === 0) return;
    const { restartDelayMs = 500 } = this.#options;
    const delayMs = Math.min(restartDelayMs * 2 ** (restarts - 1), MAX_RESTART_DELAY_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    const { signal } = this.#closing;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }
}
