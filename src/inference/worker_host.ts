/**
 * The worker's side: loads a model and answers requests about it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { LoadModelOptions } from "./generation/load_model.ts";
import type { LoadedModel } from "./generation/loaded_model.ts";
import { warmUp } from "./generation/warm_up.ts";
import { UserError } from "../utils/errors.ts";
import { InferenceError } from "./inference_error.ts";
import { holdForLife } from "./life_lock.ts";
import { isEncoderFolder } from "./embeddings/encoder_files.ts";
import { readPooling } from "./embeddings/pooling_config.ts";
import { createLocalService } from "./local_service.ts";
import type { CompletionRequest, EmbeddingRequest, InferenceService } from "./service.ts";
import {
  type LoadRequest,
  toErrorData,
  type WorkerReply,
  type WorkerRequest,
} from "./worker_protocol.ts";

/** Loads the model in a folder. */
export type LoadModel = (folder: string, options: LoadModelOptions) => Promise<LoadedModel>;

/** The worker's end of the channel to the server, as a worker's global scope has it. */
export interface HostPort {
  /** Sends an answer. */
  postMessage(reply: WorkerReply): void;
  /** Receives requests. */
  onmessage: ((event: MessageEvent<WorkerRequest>) => void) | null;
}

/** Whether `scope` is a worker's global scope. */
export function isWorkerScope(scope: unknown): scope is HostPort {
  return Object.prototype.toString.call(scope) === "[object DedicatedWorkerGlobalScope]";
}

/** Answers what comes in at `port`, with a model that `loadModel` loads. */
export function hostService(port: HostPort, loadModel: LoadModel): void {
  const host = new WorkerHost(port, loadModel);
  port.onmessage = ({ data }) => void host.receive(data);
}

class WorkerHost {
  readonly #port: HostPort;
  readonly #loadModel: LoadModel;
  readonly #requests = new Map<number, AbortController>();
  #model: LoadedModel | undefined;
  #service: InferenceService | undefined;
  #replies: WorkerReply[] = [];

  constructor(port: HostPort, loadModel: LoadModel) {
    this.#port = port;
    this.#loadModel = loadModel;
  }

  async receive(message: WorkerRequest): Promise<void> {
    switch (message.type) {
      case "load":
        if (message.lifeLock !== undefined) {
          await holdForLife(message.lifeLock);
          this.#port.postMessage({ type: "alive" });
        }
        return await this.#load(message.request);
      case "submit":
        return await this.#answer(message.id, message.request);
      case "abort":
        return this.#requests.get(message.id)?.abort();
      case "stats":
        return await this.#stats(message.id);
      case "encode":
        return await this.#encode(message);
      case "embed":
        return await this.#embed(message.id, message.request);
      case "ping":
        return this.#port.postMessage({ type: "pong" });
      case "close":
        await this.#service?.[Symbol.asyncDispose]();
        return this.#port.postMessage({ type: "closed" });
    }
  }

  async #load(request: LoadRequest): Promise<void> {
    const { folder, adapter, device, threads, weights, adapters, limits } = request;
    try {
      if (request.embeds && await isEncoderFolder(folder)) {
        const { openEncoderService } = await import("./open_encoder_service.ts");
        this.#service = await openEncoderService(request);
        this.#port.postMessage({ type: "loaded", model: this.#service.model });
        return;
      }
      const pooling = request.pooling ?? await readPooling(folder);
      const model = await this.#loadModel(folder, {
        device,
        adapter,
        ...(threads === undefined ? {} : { threads }),
        ...(weights === undefined ? {} : { weights }),
        ...(adapters === undefined ? {} : { adapters }),
      });
      await warmUp(model.decoder);
      const { id = model.id, deviceReason = model.deviceReason, contentHash } = request;
      if (model.decoder.adapters.includes(id)) {
        throw new UserError(
          `Cannot serve an adapter as "${id}": the model is called that; give one of them another name`,
        );
      }
      this.#model = {
        ...model,
        id,
        deviceReason,
        ...(pooling === undefined ? {} : { pooling }),
        ...(contentHash === undefined ? {} : { contentHash }),
      };
      this.#service = createLocalService(this.#model, limits);
      this.#port.postMessage({ type: "loaded", model: this.#service.model });
    } catch (error) {
      this.#port.postMessage({ type: "failed", error: toErrorData(error) });
    }
  }

  async #answer(id: number, request: CompletionRequest): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#requests.set(id, controller);
    try {
      if (this.#service === undefined) throw new Error("Internal: no model has been loaded");
      const { prompts, events } = await this.#service.submit(request, { signal });
      this.#reply({ type: "accepted", id, prompts });
      for await (const event of events) this.#reply({ type: "event", id, event });
      this.#reply({ type: "done", id });
    } catch (error) {
      if (signal.aborted) return; // nobody listens any more
      this.#reply({ type: "error", id, error: toErrorData(error) });
      const isRefusal = error instanceof InferenceError && error.code !== "unavailable";
      if (!isRefusal) await this.#checkDecoder();
    } finally {
      this.#requests.delete(id);
    }
  }

  async #embed(id: number, request: EmbeddingRequest): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#requests.set(id, controller);
    try {
      if (this.#service === undefined) throw new Error("Internal: no model has been loaded");
      const embeddings = await this.#service.embed(request, { signal });
      this.#reply({ type: "embedded", id, embeddings });
    } catch (error) {
      if (signal.aborted) return; // nobody listens any more
      this.#reply({ type: "error", id, error: toErrorData(error) });
    } finally {
      this.#requests.delete(id);
    }
  }

  async #stats(id: number): Promise<void> {
    const stats = await this.#service?.stats();
    if (stats !== undefined) this.#reply({ type: "stats", id, stats });
  }

  async #encode(
    { id, prompt, options }: WorkerRequest & { readonly type: "encode" },
  ): Promise<void> {
    try {
      if (this.#service === undefined) throw new Error("Internal: no model has been loaded");
      this.#reply({ type: "encoded", id, prompt: await this.#service.encode(prompt, options) });
    } catch (error) {
      this.#reply({ type: "error", id, error: toErrorData(error) });
    }
  }

  /** What comes within a step goes out in one message. */
  #reply(reply: WorkerReply): void {
    this.#replies.push(reply);
    if (this.#replies.length > 1) return;
    setImmediate(() => {
      const replies = this.#replies;
      this.#replies = [];
      this.#port.postMessage(replies.length === 1 ? replies[0]! : { type: "batch", replies });
    });
  }

  /** After an unexpected error: a decoder that cannot read one token any more is beyond repair. */
  async #checkDecoder(): Promise<void> {
    if (this.#model === undefined) return;
    try {
      using sequence = this.#model.decoder.open();
      await this.#model.decoder.extend([{ sequence, ids: [0] }]);
    } catch (error) {
      this.#port.postMessage({ type: "crashed", error: toErrorData(error) });
    }
  }
}
