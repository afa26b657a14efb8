/**
 * One worker, from its start to its end, as the server's thread sees it.
 *
 * @module
 */

import { type AsyncQueue, createAsyncQueue } from "../utils/async_queue.ts";
import { UserError } from "../utils/errors.ts";
import { InferenceError } from "./inference_error.ts";
import { watchLife } from "./life_lock.ts";
import type {
  Completion,
  CompletionEvent,
  CompletionRequest,
  Embedding,
  EmbeddingRequest,
  EncodedPrompt,
  EncodeRequestOptions,
  ModelInfo,
  Prompt,
  PromptTokens,
  ServiceStats,
} from "./service.ts";
import {
  fromErrorData,
  type LoadRequest,
  type WorkerReply,
  type WorkerRequest,
} from "./worker_protocol.ts";

/** The server's end of a worker, as `Worker` has it. */
export interface WorkerHandle extends EventTarget {
  /** Sends a request. */
  postMessage(request: WorkerRequest): void;
  /** Ends the worker at once. */
  terminate(): void;
  /** Resolves with how it ended when it has; of a thread's end there is no event. @default {it is a thread} */
  readonly ended?: Promise<string>;
}

/**
 * How long a terminated worker's thread may take to end, of which there is no event. A process that exits while the
 * thread still gives a GPU back is killed by a memory fault: 9 of 25 times without a pause, never with it.
 */
const THREAD_END_MS = 100;

/** How often a worker is asked whether it is there. */
const PINGS_PER_SILENCE = 4;

/** A request whose answer is on its way. */
interface Pending {
  readonly accepted: PromiseWithResolvers<readonly EncodedPrompt[]>;
  readonly events: AsyncQueue<CompletionEvent>;
}

/** Options of {@linkcode WorkerConnection.open}. */
export interface ConnectionOptions {
  /** Which model the worker loads. */
  readonly load: LoadRequest;
  /** A worker that says nothing for so long when asked is taken for dead. */
  readonly silenceMs: number;
}

/** One worker, from its start to its end. */
export class WorkerConnection {
  /** Resolves if the worker crashes. */
  readonly crashed: Promise<Error>;
  readonly #worker: WorkerHandle;
  readonly #loaded = Promise.withResolvers<ModelInfo>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #crash = Promise.withResolvers<Error>();
  readonly #pending = new Map<number, Pending>();
  readonly #stats = new Map<number, PromiseWithResolvers<ServiceStats>>();
  readonly #embeddings = new Map<number, PromiseWithResolvers<readonly Embedding[]>>();
  readonly #encodings = new Map<number, PromiseWithResolvers<PromptTokens>>();
  #crashError: Error | undefined;
  #model: ModelInfo | undefined;
  #lastId = 0;
  #silentPings = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #idle = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  readonly #lifeLock = `llm-training worker ${crypto.randomUUID()}`;

  private constructor(worker: WorkerHandle) {
    this.#worker = worker;
    this.crashed = this.#crash.promise;
    worker.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) this.#receive(event.data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(new Error(event instanceof ErrorEvent ? event.message : "The worker crashed"));
    });
    void worker.ended?.then((how) => {
      if (!this.#ended.signal.aborted) this.#fail(new Error(`Lost the worker: ${how}`));
    });
  }

  /** Lets a worker load a model. */
  static async open(
    worker: WorkerHandle,
    { load, silenceMs }: ConnectionOptions,
  ): Promise<WorkerConnection> {
    const connection = new WorkerConnection(worker);
    const lifeLock = worker.ended === undefined ? connection.#lifeLock : undefined;
    worker.postMessage({ type: "load", request: load, lifeLock });
    try {
      connection.#model = await connection.#loaded.promise;
    } catch (error) {
      const crash = connection.#crashError;
      await connection.#terminate();
      if (crash === undefined) throw error;
      throw new UserError(
        `Cannot load "${load.folder}" as its worker failed: ${crash.message}; if memory is short, choose smaller weights`,
        { cause: crash },
      );
    }
    connection.#watchFor(silenceMs);
    return connection;
  }

  /** The model that it loaded. */
  get model(): ModelInfo {
    if (this.#model === undefined) throw new Error("Internal: the worker has no model yet");
    return this.#model;
  }

  /** See `InferenceService.submit`. */
  async submit(request: CompletionRequest, signal: AbortSignal | undefined): Promise<Completion> {
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const abort = () => {
      if (!this.#pending.has(id)) return;
      this.#worker.postMessage({ type: "abort", id });
      this.#finish(id, signal?.reason);
    };
    const events = createAsyncQueue<CompletionEvent>({ onAbandon: abort });
    const accepted = Promise.withResolvers<readonly EncodedPrompt[]>();
    this.#pending.set(id, { accepted, events });
    signal?.addEventListener("abort", abort, { once: true });
    this.#worker.postMessage({ type: "submit", id, request });
    return { prompts: await accepted.promise, events };
  }

  /** See `InferenceService.stats`. */
  async stats(): Promise<ServiceStats> {
    const id = ++this.#lastId;
    const stats = Promise.withResolvers<ServiceStats>();
    this.#stats.set(id, stats);
    this.#worker.postMessage({ type: "stats", id });
    return await stats.promise;
  }

  /** See `InferenceService.encode`. */
  async encode(prompt: Prompt, options: EncodeRequestOptions): Promise<PromptTokens> {
    const id = ++this.#lastId;
    const encoding = Promise.withResolvers<PromptTokens>();
    this.#encodings.set(id, encoding);
    this.#worker.postMessage({ type: "encode", id, prompt, options });
    return await encoding.promise.finally(() => this.#encodings.delete(id));
  }

  /** See `InferenceService.embed`. */
  async embed(
    request: EmbeddingRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly Embedding[]> {
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const embeddings = Promise.withResolvers<readonly Embedding[]>();
    const abort = () => {
      this.#worker.postMessage({ type: "abort", id });
      embeddings.reject(signal?.reason);
    };
    this.#embeddings.set(id, embeddings);
    signal?.addEventListener("abort", abort, { once: true });
    this.#worker.postMessage({ type: "embed", id, request });
    try {
      return await embeddings.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#embeddings.delete(id);
      this.#noteIdle();
    }
  }

  /** Resolves when every request has been answered. */
  async idle(): Promise<void> {
    while (!this.#isIdle) await this.#idle.promise;
  }

  get #isIdle(): boolean {
    return this.#pending.size === 0 && this.#embeddings.size === 0;
  }

  #noteIdle(): void {
    if (!this.#isIdle) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  /** Ends the worker; requests that run fail. */
  async close(): Promise<void> {
    this.#worker.postMessage({ type: "close" });
    await Promise.race([this.#closed.promise, this.crashed]);
    await this.#terminate();
    this.#finishAll(unavailable());
  }

  async #terminate(): Promise<void> {
    clearInterval(this.#watch);
    this.#ended.abort();
    this.#worker.terminate();
    await (this.#worker.ended ??
      new Promise<void>((resolve) => setTimeout(resolve, THREAD_END_MS)));
  }

  /** Asks the worker again and again whether it is there: one that hangs does not say so. */
  #watchFor(silenceMs: number): void {
    this.#watch = setInterval(() => {
      if (this.#silentPings++ >= PINGS_PER_SILENCE) {
        this.#fail(new Error(`The worker has not answered for ${silenceMs / 1000} s`));
      } else {
        this.#worker.postMessage({ type: "ping" });
      }
    }, silenceMs / PINGS_PER_SILENCE);
  }

  #receive(reply: WorkerReply): void {
    this.#silentPings = 0;
    switch (reply.type) {
      case "batch":
        return reply.replies.forEach((one) => this.#receive(one));
      case "alive":
        return watchLife(this.#lifeLock, {
          signal: this.#ended.signal,
          onEnd: () => this.#fail(new Error("The worker was killed")),
        });
      case "loaded":
        return this.#loaded.resolve(reply.model);
      case "failed":
        return this.#loaded.reject(fromErrorData(reply.error));
      case "accepted":
        return this.#pending.get(reply.id)?.accepted.resolve(reply.prompts);
      case "event":
        return this.#pending.get(reply.id)?.events.push(reply.event);
      case "done":
        this.#pending.get(reply.id)?.events.end();
        return this.#forget(reply.id);
      case "error":
        this.#encodings.get(reply.id)?.reject(fromErrorData(reply.error));
        this.#embeddings.get(reply.id)?.reject(fromErrorData(reply.error));
        return this.#finish(reply.id, fromErrorData(reply.error));
      case "encoded":
        return this.#encodings.get(reply.id)?.resolve(reply.prompt);
      case "embedded":
        return this.#embeddings.get(reply.id)?.resolve(reply.embeddings);
      case "stats":
        this.#stats.get(reply.id)?.resolve(reply.stats);
        this.#stats.delete(reply.id);
        return;
      case "pong":
        return;
      case "crashed":
        return this.#fail(fromErrorData(reply.error));
      case "closed":
        return this.#closed.resolve();
    }
  }

  #fail(error: Error): void {
    this.#crashError ??= error;
    clearInterval(this.#watch);
    this.#ended.abort();
    this.#loaded.reject(error);
    this.#worker.terminate();
    this.#finishAll(unavailable(error));
    this.#crash.resolve(error);
  }

  #finishAll(error: InferenceError): void {
    for (const id of this.#pending.keys()) this.#finish(id, error);
    for (const stats of this.#stats.values()) stats.reject(error);
    this.#stats.clear();
    for (const encoding of this.#encodings.values()) encoding.reject(error);
    for (const embeddings of this.#embeddings.values()) embeddings.reject(error);
  }

  #finish(id: number, error: unknown): void {
    const pending = this.#pending.get(id);
    this.#forget(id);
    pending?.accepted.reject(error);
    pending?.events.fail(error);
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    this.#noteIdle();
  }
}

/** Returns the error of a request that a worker which has ended cannot answer. */
export function unavailable(cause?: Error): InferenceError {
  return new InferenceError(
    "unavailable",
    "Cannot answer: the model's worker has ended and is being started again; try again in a while",
    { cause },
  );
}
