/**
 * A service over a model that only reads texts: it makes embeddings and nothing else.
 *
 * @module
 */

import type { Device } from "../engine/runtime/session.ts";
import type { Encoder } from "./embeddings/encoder.ts";
import { EmbeddingQueue } from "./embeddings/embedding_queue.ts";
import type { Pooling } from "./generation/pooling.ts";
import { InferenceError } from "./inference_error.ts";
import { asUnavailable } from "./out_of_memory.ts";
import type {
  Completion,
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

/** What is known of an encoder besides what it says itself. */
export interface EncoderServiceOptions {
  /** Its name in the API. */
  readonly id: string;
  /** Where it runs. */
  readonly device: Device;
  /** Why it runs there. */
  readonly deviceReason: string;
  /** How hidden states become one vector. */
  readonly pooling: Pooling;
  /** SHA-256 of its files. @default {they were not read for it} */
  readonly contentHash?: string | undefined;
  /** Refuse requests while this many wait. @default {64} */
  readonly maxQueue?: number;
}

/** Creates a service over `encoder`, which it owns from now on. */
export function createEncoderService(
  encoder: Encoder,
  options: EncoderServiceOptions,
): InferenceService {
  return new EncoderService(encoder, options);
}

class EncoderService implements InferenceService {
  readonly model: ModelInfo;
  readonly isAvailable = true;
  readonly #encoder: Encoder;
  readonly #queue: EmbeddingQueue;
  #isDraining = false;
  #promptTokens = 0;
  #running = 0;

  constructor(
    encoder: Encoder,
    { id, device, deviceReason, pooling, contentHash, maxQueue = 64 }: EncoderServiceOptions,
  ) {
    this.#encoder = encoder;
    this.#queue = new EmbeddingQueue(maxQueue);
    this.model = {
      id,
      device,
      deviceReason,
      vocabSize: encoder.vocabSize,
      maxPositions: encoder.maxPositions,
      hasTokenizer: true,
      hasChatTemplate: false,
      weightType: null,
      adapters: [],
      toolFormat: null,
      contentHash: contentHash ?? null,
      generates: false,
      embedding: { size: encoder.size, pooling },
    };
  }

  // deno-lint-ignore require-await -- refusals reject, as they do from a worker
  async submit(): Promise<Completion> {
    throw new InferenceError(
      "no_generation",
      `The model "${this.model.id}" makes embeddings, not texts; use /v1/embeddings`,
    );
  }

  // deno-lint-ignore require-await -- refusals reject, as they do from a worker
  async encode(
    prompt: Prompt,
    { addSpecialTokens = true }: EncodeRequestOptions = {},
  ): Promise<PromptTokens> {
    const ids = this.#encode(prompt, addSpecialTokens);
    const text = prompt.kind === "text" ? prompt.text : this.#encoder.decode(ids);
    return { ids, text, tokens: ids.map((id) => ({ id, text: this.#encoder.decode([id]) })) };
  }

  async embed(
    { inputs, adapter }: EmbeddingRequest,
    { signal }: SubmitOptions = {},
  ): Promise<readonly Embedding[]> {
    if (this.#isDraining) {
      throw new InferenceError("unavailable", "Cannot take the request: the model is being closed");
    }
    if (adapter !== undefined) {
      throw new InferenceError("unknown_adapter", `Cannot use adapter "${adapter}": there is none`);
    }
    const texts = inputs.map((input) => this.#checked(this.#encode(input, true)));
    return await this.#queue.add(async () => {
      const embeddings: Embedding[] = [];
      this.#running = 1;
      try {
        // One by one: scales of rounding are those of a run, so that a text's would depend on those beside it.
        for (const ids of texts) {
          signal?.throwIfAborted();
          embeddings.push({ vector: await this.#encoder.embed(ids), tokens: ids.length });
          this.#promptTokens += ids.length;
        }
      } catch (error) {
        throw asUnavailable(error);
      } finally {
        this.#running = 0;
      }
      return embeddings;
    });
  }

  // deno-lint-ignore require-await -- from a worker they come later
  async stats(): Promise<ServiceStats> {
    return {
      promptTokens: this.#promptTokens,
      cachedTokens: 0,
      generatedTokens: 0,
      draftTokens: 0,
      acceptedTokens: 0,
      preemptions: 0,
      cacheBytes: 0,
      prefixBytes: 0,
      waiting: this.#queue.waiting,
      running: this.#running,
    };
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#queue.idle();
  }

  #encode(prompt: Prompt, addSpecialTokens: boolean): readonly number[] {
    switch (prompt.kind) {
      case "text":
        return this.#encoder.encode(prompt.text, { addSpecialTokens });
      case "ids":
        return prompt.ids;
      case "chat":
        throw new InferenceError(
          "no_chat_template",
          `Cannot chat with model "${this.model.id}": it makes embeddings`,
        );
    }
  }

  #checked(ids: readonly number[]): readonly number[] {
    const { vocabSize, maxPositions } = this.model;
    const unknown = ids.find((id) => id >= vocabSize);
    if (unknown !== undefined) {
      throw new InferenceError(
        "invalid_prompt",
        `Cannot read token id ${unknown}: the vocabulary has ${vocabSize} tokens, counted from 0`,
      );
    }
    if (ids.length === 0) {
      throw new InferenceError("invalid_prompt", "Cannot embed a text that has no tokens");
    }
    if (ids.length > maxPositions) {
      throw new InferenceError(
        "context_length_exceeded",
        `This model's maximum context length is ${maxPositions} tokens. However, the input has ` +
          `${ids.length}. Please shorten it`,
      );
    }
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.idle();
    await this.#encoder[Symbol.asyncDispose]();
  }
}
