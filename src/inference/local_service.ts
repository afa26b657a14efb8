/**
 * A service that computes in this thread.
 *
 * @module
 */

import { createAsyncQueue } from "../utils/async_queue.ts";
import { deriveSeed } from "../utils/random.ts";
import { defaultSampling } from "./default_sampling.ts";
import { compileConstraint } from "./constraints.ts";
import { readTokenBytes, type TokenBytes } from "./constraints/token_bytes.ts";
import { canEmbed, embedTokens } from "./embeddings/embedder.ts";
import { EmbeddingQueue } from "./embeddings/embedding_queue.ts";
import { type Batcher, type BatcherOptions, createBatcher } from "./generation/batcher.ts";
import type { GenerateRequest } from "./generation/generate.ts";
import type { GenerationEvent } from "./generation/generation.ts";
import type { LoadedModel } from "./generation/loaded_model.ts";
import type { TokenLogprobs } from "./generation/token_logprobs.ts";
import { InferenceError } from "./inference_error.ts";
import { asUnavailable } from "./out_of_memory.ts";
import { encodePrompt, encodeTokens, tokenOffsets } from "./prompts.ts";
import type {
  Completion,
  CompletionEvent,
  CompletionRequest,
  Embedding,
  EmbeddingRequest,
  EncodedPrompt,
  EncodeRequestOptions,
  InferenceService,
  ModelInfo,
  Prompt,
  PromptTokens,
  ServiceStats,
  SubmitOptions,
  TextToken,
  TokenBias,
} from "./service.ts";
import { toolFormatOf } from "./tools/tool_format.ts";
import { createTokenNames, type TokenNames } from "./token_names.ts";

/** How much a service takes on. */
export interface ServiceLimits extends BatcherOptions {
  /** Refuse requests while this many sequences wait. @default {64} */
  readonly maxQueue?: number;
}

/** Creates a service over `model`, which it owns from now on. */
export function createLocalService(
  model: LoadedModel,
  limits: ServiceLimits = {},
): InferenceService {
  return new LocalService(model, limits);
}

class LocalService implements InferenceService {
  readonly model: ModelInfo;
  readonly isAvailable = true;
  readonly #model: LoadedModel;
  readonly #batcher: Batcher;
  readonly #maxQueue: number;
  readonly #names: TokenNames;
  readonly #running = new Set<Promise<void>>();
  readonly #embeddings: EmbeddingQueue;
  readonly #limits: BatcherOptions;
  #isDraining = false;
  #tokenBytes: TokenBytes | undefined;

  constructor(model: LoadedModel, { maxQueue = 64, ...options }: ServiceLimits) {
    const { id, device, deviceReason, decoder, tokenizer, weightType, pooling = "last" } = model;
    this.#batcher = createBatcher(decoder, tokenizer, options);
    this.#embeddings = new EmbeddingQueue(maxQueue);
    this.#limits = options;
    this.model = {
      id,
      device,
      deviceReason,
      vocabSize: decoder.vocabSize,
      maxPositions: this.#batcher.maxPositions,
      hasTokenizer: tokenizer !== undefined,
      hasChatTemplate: tokenizer?.hasChatTemplate ?? false,
      weightType,
      adapters: decoder.adapters,
      toolFormat: tokenizer === undefined ? null : toolFormatOf(tokenizer.chatTemplate),
      contentHash: model.contentHash ?? null,
      generates: true,
      embedding: canEmbed(decoder) ? { size: decoder.hiddenSize, pooling } : null,
    };
    this.#model = model;
    this.#maxQueue = maxQueue;
    this.#names = createTokenNames(tokenizer);
  }

  // deno-lint-ignore require-await -- refusals reject, as they do from a worker
  async submit(request: CompletionRequest, options: SubmitOptions = {}): Promise<Completion> {
    if (this.#isDraining) {
      throw new InferenceError("unavailable", "Cannot take the request: the model is being closed");
    }
    if (this.#batcher.waiting >= this.#maxQueue) {
      throw new InferenceError(
        "queue_full",
        `Cannot take the request: ${this.#batcher.waiting} sequences are waiting; try again later`,
      );
    }
    this.#checkAdapter(request.adapter);
    const reserved = Math.min(1, request.maxTokens ?? 1);
    const { maxPositions } = this.model;
    const prompts = request.prompts.map((prompt) =>
      encodePrompt(this.#model, prompt, { reservedTokens: reserved, maxPositions })
    );
    return { prompts, events: this.#generate(prompts, request, options.signal) };
  }

  async embed(
    { inputs, adapter }: EmbeddingRequest,
    { signal = new AbortController().signal }: SubmitOptions = {},
  ): Promise<readonly Embedding[]> {
    const { decoder, pooling = "last" } = this.#model;
    if (this.#isDraining) {
      throw new InferenceError("unavailable", "Cannot take the request: the model is being closed");
    }
    if (!canEmbed(decoder)) {
      throw new InferenceError("no_embeddings", `The model "${this.model.id}" makes no embeddings`);
    }
    this.#checkAdapter(adapter);
    const { maxPositions } = this.model;
    const texts = inputs.map((input) =>
      encodePrompt(this.#model, input, { reservedTokens: 0, maxPositions }).ids
    );
    const { cacheBytes = 2 ** 31, maxRunning: others = 16 } = this.#limits;
    const options = { pooling, adapter, cacheBytes, others, signal };
    const vectors = await this.#embeddings.add(() => embedTokens(decoder, texts, options))
      .catch((error) => {
        throw asUnavailable(error);
      });
    return vectors.map((vector, i) => ({ vector, tokens: texts[i]!.length }));
  }

  // deno-lint-ignore require-await -- refusals reject, as they do from a worker
  async encode(prompt: Prompt, options?: EncodeRequestOptions): Promise<PromptTokens> {
    const { ids, text } = encodeTokens(this.#model, prompt, options);
    return { ids, text, tokens: ids.map((id) => ({ id, text: this.#names(id) })) };
  }

  // deno-lint-ignore require-await -- from a worker they come later
  async stats(): Promise<ServiceStats> {
    const { waiting, running, counts } = this.#batcher;
    return { ...counts, waiting, running };
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([...this.#running, this.#embeddings.idle()]);
  }

  #checkAdapter(adapter: string | undefined): void {
    const { adapters } = this.model;
    if (adapter === undefined || adapters.includes(adapter)) return;
    throw new InferenceError(
      "unknown_adapter",
      `Cannot use adapter "${adapter}": the model has ${
        adapters.length === 0 ? "none" : adapters.map((name) => `"${name}"`).join(", ")
      }`,
    );
  }

  #generate(
    prompts: readonly EncodedPrompt[],
    request: CompletionRequest,
    outerSignal: AbortSignal | undefined,
  ): AsyncIterable<CompletionEvent> {
    const controller = new AbortController();
    const signal = outerSignal === undefined
      ? controller.signal
      : AbortSignal.any([outerSignal, controller.signal]);
    const events = createAsyncQueue<CompletionEvent>({ onAbandon: () => controller.abort() });
    const sequences = this.#sequences(prompts, request, signal)
      .map((sequence) => ({ ...sequence, output: this.#batcher.submit(sequence.request) }));
    const pump = async ({ index, prompt, output }: (typeof sequences)[number]) => {
      for await (const event of output) events.push({ index, ...this.#named(event, prompt) });
    };
    const ended = Promise.all(sequences.map(pump)).then(() => events.end(), (error) => {
      events.fail(asUnavailable(error));
      controller.abort(error);
    }).finally(() => this.#running.delete(ended));
    this.#running.add(ended);
    return events;
  }

  #sequences(
    prompts: readonly EncodedPrompt[],
    request: CompletionRequest,
    signal: AbortSignal,
  ): { index: number; prompt: EncodedPrompt; request: GenerateRequest }[] {
    const { n = 1, seed = randomSeed(), sampling, ignoreEos = false } = request;
    const { maxTokens, stop, topLogprobs, scorePrompt, adapter, logitBias, constraint } = request;
    const { tokenizer, eosTokenIds, decoder: { vocabSize } } = this.#model;
    const context = {
      tokenizer,
      eosTokenIds,
      vocabSize,
      tokenBytes: () => this.#tokenBytes ??= readTokenBytes(tokenizer!, { vocabSize, eosTokenIds }),
    };
    const room = (prompt: EncodedPrompt) =>
      Math.min(maxTokens ?? Infinity, this.model.maxPositions - prompt.ids.length);
    const shared = {
      ...(adapter === undefined ? {} : { adapter }),
      ...(logitBias === undefined ? {} : { logitBias: biasesOf(logitBias, vocabSize) }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(stop === undefined ? {} : { stop }),
      ...(topLogprobs === undefined ? {} : { topLogprobs }),
      ...(scorePrompt === undefined ? {} : { scorePrompt }),
      sampling: { ...defaultSampling(this.#model.generationConfig), ...sampling },
      eosTokenIds: ignoreEos ? [] : this.#model.eosTokenIds,
      signal,
    };
    return prompts.flatMap((prompt, at) =>
      Array.from({ length: n }, (_, choice) => ({
        index: at * n + choice,
        prompt,
        request: {
          ...shared,
          promptIds: prompt.ids,
          seed: deriveSeed(seed, choice),
          // Who names a seed wants the same text again, and who looks at likelihoods the same numbers.
          repeatable: request.seed !== undefined || topLogprobs !== undefined,
          // Each text is followed on its own.
          ...(constraint === undefined ? {} : {
            constraint: compileConstraint(constraint, { ...context, maxTokens: room(prompt) }),
          }),
        },
      }))
    );
  }

  #named(event: GenerationEvent, prompt: EncodedPrompt): WithoutIndex<CompletionEvent> {
    switch (event.type) {
      case "prompt": {
        const offsets = tokenOffsets(this.#model.tokenizer, prompt.ids);
        const tokens = prompt.ids.map((id, i) =>
          this.#token(id, offsets[i]!, event.logprobs[i] ?? undefined)
        );
        return { type: "prompt", tokens };
      }
      case "output": {
        const tokens = event.tokens.map(({ id, offset, logprobs }) =>
          this.#token(id, offset, logprobs)
        );
        return { type: "output", text: event.text, tokens };
      }
      case "end": {
        const { eosToken: eos, ...end } = event;
        return eos === undefined
          ? end
          : { ...end, eosToken: this.#token(eos.id, eos.offset, eos.logprobs) };
      }
    }
  }

  #token(id: number, offset: number, logprobs: TokenLogprobs | undefined): TextToken {
    const token = { id, text: this.#names(id), offset };
    if (logprobs === undefined) return token;
    const top = logprobs.top.map((likely) => ({ ...likely, text: this.#names(likely.id) }));
    return { ...token, logprob: logprobs.logprob, top };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#embeddings.idle();
    await this.#model[Symbol.asyncDispose]();
  }
}

/** Distributes over the members of a union, as `Omit` does not. */
type WithoutIndex<T> = T extends unknown ? Omit<T, "index"> : never;

function biasesOf(biases: readonly TokenBias[], vocabSize: number): ReadonlyMap<number, number> {
  const wrong = biases.find(({ id }) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong !== undefined) {
    throw new InferenceError(
      "invalid_constraint",
      `Cannot change the logit of token ${wrong.id}: ids are from 0 to ${vocabSize - 1}`,
    );
  }
  return new Map(biases.map(({ id, bias }) => [id, bias]));
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
