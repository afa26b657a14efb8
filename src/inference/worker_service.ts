/**
 * A service that computes in a worker. When the worker crashes, running requests fail and it is started once more.
 *
 * @module
 */

import { type AsyncQueue, createAsyncQueue } from "../utils/async_queue.ts";
import { InferenceError } from "./inference_error.ts";
import type {
  Completion,
  CompletionEvent,
  CompletionRequest,
  EncodedPrompt,
  InferenceService,
  ModelInfo,
  SubmitOptions,
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
}

/** Options of {@linkcode openWorkerService}. */
export interface WorkerServiceOptions {
  /** Starts a worker that hosts a service. */
  readonly createWorker: () => WorkerHandle;
  /** Which model it loads. */
  readonly load: LoadRequest;
  /** Is told of crashes. @default {nobody} */
  readonly onCrash?: (error: Error) => void;
}

/**
 * Starts a worker and loads a model there.
 *
 * @throws {UserError} If the model cannot be loaded.
 */
export async function openWorkerService(options: WorkerServiceOptions): Promise<InferenceService> {
  const { createWorker, load } = options;
  const first = await WorkerConnection.open(createWorker(), load);
  return new WorkerService(first, options);
}

const MAX_RESTARTS = 1;

class WorkerService implements InferenceService {
  readonly model: ModelInfo;
  readonly #options: WorkerServiceOptions;
  #connection: WorkerConnection | undefined;
  #restarts = 0;
  #isClosed = false;

  constructor(connection: WorkerConnection, options: WorkerServiceOptions) {
    this.model = connection.model;
    this.#options = options;
    this.#use(connection);
  }

  get isAvailable(): boolean {
    return this.#connection !== undefined;
  }

  async submit(request: CompletionRequest, options: SubmitOptions = {}): Promise<Completion> {
    if (this.#connection === undefined) throw unavailable();
    return await this.#connection.submit(request, options.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  #use(connection: WorkerConnection): void {
    this.#connection = connection;
    void connection.crashed.then((error) => this.#restart(error));
  }

  async #restart(error: Error): Promise<void> {
    const { onCrash, createWorker, load } = this.#options;
    this.#connection = undefined;
    if (this.#isClosed) return;
    onCrash?.(error);
    if (this.#restarts++ >= MAX_RESTARTS) return;
    try {
      const connection = await WorkerConnection.open(createWorker(), load);
      if (this.#isClosed) await connection.close();
      else this.#use(connection);
    } catch (cause) {
      onCrash?.(new Error("Cannot start the worker again", { cause }));
    }
  }
}

/**
 * How long a terminated worker's thread may take to end, of which there is no event. A process that exits while the
 * thread still gives a GPU back is killed by a memory fault: 9 of 25 times without a pause, never with it.
 */
const THREAD_END_MS = 100;

/** A request whose answer is on its way. */
interface Pending {
  readonly accepted: PromiseWithResolvers<readonly EncodedPrompt[]>;
  readonly events: AsyncQueue<CompletionEvent>;
}

/** One worker, from its start to its end. */
class WorkerConnection {
  /** Resolves if the worker crashes. */
  readonly crashed: Promise<Error>;
  readonly #worker: WorkerHandle;
  readonly #loaded = Promise.withResolvers<ModelInfo>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #crash = Promise.withResolvers<Error>();
  readonly #pending = new Map<number, Pending>();
  #model: ModelInfo | undefined;
  #lastId = 0;

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
  }

  static async open(worker: WorkerHandle, load: LoadRequest): Promise<WorkerConnection> {
    const connection = new WorkerConnection(worker);
    worker.postMessage({ type: "load", request: load });
    try {
      connection.#model = await connection.#loaded.promise;
    } catch (error) {
      await connection.#terminate();
      throw error;
    }
    return connection;
  }

  get model(): ModelInfo {
    if (this.#model === undefined) throw new Error("Internal: the worker has no model yet");
    return this.#model;
  }

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

  async close(): Promise<void> {
    this.#worker.postMessage({ type: "close" });
    await Promise.race([this.#closed.promise, this.crashed]);
    await this.#terminate();
    for (const id of this.#pending.keys()) this.#finish(id, unavailable());
  }

  async #terminate(): Promise<void> {
    this.#worker.terminate();
    await new Promise((resolve) => setTimeout(resolve, THREAD_END_MS));
  }

  #receive(reply: WorkerReply): void {
    switch (reply.type) {
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
        this.#pending.delete(reply.id);
        return;
      case "error":
        return this.#finish(reply.id, fromErrorData(reply.error));
      case "crashed":
        return this.#fail(fromErrorData(reply.error));
      case "closed":
        return this.#closed.resolve();
    }
  }

  #fail(error: Error): void {
    this.#loaded.reject(error);
    this.#worker.terminate();
    for (const id of this.#pending.keys()) this.#finish(id, unavailable(error));
    this.#crash.resolve(error);
  }

  #finish(id: number, error: unknown): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.accepted.reject(error);
    pending?.events.fail(error);
  }
}

function unavailable(cause?: Error): InferenceError {
  return new InferenceError(
    "unavailable",
    "Cannot answer: the model's worker has ended; try again in a while",
    { cause },
  );
}
