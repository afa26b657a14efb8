/**
 * What the server and the terminal ask of a model, wherever it is computed: in this thread or in a worker.
 *
 * Words: a *request* has one or more *prompts*; each prompt gets *n choices*; a choice is one generated sequence.
 *
 * @module
 */

import type { Device } from "../engine/runtime/session.ts";
import type { ChatMessage, RenderChatOptions } from "../models/tokenizer/tokenizer.ts";
import type { ConstraintSpec } from "./constraints.ts";
import type { Pooling } from "./generation/pooling.ts";
import type { BatcherCounts } from "./generation/batcher.ts";
import type { FinishReason } from "./generation/generation.ts";
import type { SamplingSettings } from "./generation/sampling.ts";
import type { ToolFormat } from "./tools/tool_format.ts";
import type { WeightType } from "./generation/weight_types.ts";

/** What to go on from. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "ids"; readonly ids: readonly number[] }
  | {
    readonly kind: "chat";
    readonly messages: readonly ChatMessage[];
    readonly options?: RenderChatOptions;
  };

/** What to generate. */
export interface CompletionRequest {
  /** What to go on from, at least one. */
  readonly prompts: readonly Prompt[];
  /** Choices for each prompt. @default {1} */
  readonly n?: number;
  /** The most tokens of each choice. @default {what the context holds} */
  readonly maxTokens?: number;
  /** How to choose tokens. @default {as the model's generation config has it} */
  readonly sampling?: Partial<SamplingSettings>;
  /** Seed of the draws. @default {a random one} */
  readonly seed?: number;
  /** Strings that end the text. @default {[]} */
  readonly stop?: readonly string[];
  /** Report log-probabilities and this many of the likeliest tokens. @default {do not} */
  readonly topLogprobs?: number;
  /** Report the log-probabilities of the prompts' tokens too. @default {false} */
  readonly scorePrompt?: boolean;
  /** Go on after an end token. @default {false} */
  readonly ignoreEos?: boolean;
  /** The adapter that changes the model, one of {@linkcode ModelInfo.adapters}. @default {none} */
  readonly adapter?: string;
  /** Added to the logits of tokens. @default {nothing} */
  readonly logitBias?: readonly TokenBias[];
  /** What the text must be like. @default {anything} */
  readonly constraint?: ConstraintSpec;
}

/** What is added to the logits of a token. */
export interface TokenBias {
  /** Token id. */
  readonly id: number;
  /** What is added. */
  readonly bias: number;
}

/** A token as people read it. */
export interface NamedToken {
  /** Token id. */
  readonly id: number;
  /** Its text, or `token_id:<id>` where it has no text of its own. */
  readonly text: string;
}

/** A token with its natural log-probability. */
export interface LikelyToken extends NamedToken {
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

/** A token of a prompt or of a choice. */
export interface TextToken extends NamedToken {
  /** Where its text begins, in UTF-16 units. */
  readonly offset: number;
  /** Natural logarithm of its probability, where asked for; the first token of a prompt has none. */
  readonly logprob?: number;
  /** The likeliest tokens at its place, likeliest first, where asked for. */
  readonly top?: readonly LikelyToken[];
}

/** A prompt as the model reads it. */
export interface EncodedPrompt {
  /** Token ids. */
  readonly ids: readonly number[];
  /** The text; empty for token ids without a tokenizer. */
  readonly text: string;
}

/** What happens to choice `index`; choices are numbered through all prompts. */
export type CompletionEvent =
  & { readonly index: number }
  & (
    | { readonly type: "prompt"; readonly tokens: readonly TextToken[] }
    | { readonly type: "output"; readonly text: string; readonly tokens: readonly TextToken[] }
    | {
      readonly type: "end";
      readonly reason: FinishReason;
      readonly generatedTokens: number;
      /** The token that ended it, where one did. */
      readonly eosToken?: TextToken;
    }
  );

/** An accepted request. */
export interface Completion {
  /** The prompts as the model reads them. */
  readonly prompts: readonly EncodedPrompt[];
  /** What happens, until every choice has ended. */
  readonly events: AsyncIterable<CompletionEvent>;
}

/** What to embed. */
export interface EmbeddingRequest {
  /** Texts or token ids, at least one. */
  readonly inputs: readonly Prompt[];
  /** The adapter that changes the model, one of {@linkcode ModelInfo.adapters}. @default {none} */
  readonly adapter?: string;
}

/** The embedding of a text. */
export interface Embedding {
  /** A vector of length 1. */
  readonly vector: Float32Array;
  /** How many tokens were read. */
  readonly tokens: number;
}

/** What is known about a model's embeddings. */
export interface EmbeddingInfo {
  /** Numbers in a vector. */
  readonly size: number;
  /** How hidden states become one vector. */
  readonly pooling: Pooling;
}

/** What is known about the model. */
export interface ModelInfo {
  /** Its name. */
  readonly id: string;
  /** Where it runs. */
  readonly device: Device;
  /** Why it runs there. */
  readonly deviceReason: string;
  /** Extent of the logits. */
  readonly vocabSize: number;
  /** The most tokens of prompt and text together. */
  readonly maxPositions: number;
  /** Whether it reads text. */
  readonly hasTokenizer: boolean;
  /** Whether it has a chat template of its own. */
  readonly hasChatTemplate: boolean;
  /** The form in which its weights are held; null if its file decides. */
  readonly weightType: WeightType | null;
  /** Names of the adapters that requests may use. */
  readonly adapters: readonly string[];
  /** How it writes calls of functions; null if its template knows of none. */
  readonly toolFormat: ToolFormat | null;
  /** SHA-256 of its files, where they were read for it. */
  readonly contentHash: string | null;
  /** Whether it makes texts. */
  readonly generates: boolean;
  /** What is known about its embeddings; null if it makes none. */
  readonly embedding: EmbeddingInfo | null;
}

/** Options of {@linkcode InferenceService.encode}. */
export interface EncodeRequestOptions {
  /** Add what the tokenizer puts around a text. @default {true} */
  readonly addSpecialTokens?: boolean;
}

/** A prompt with its tokens, whether or not the model has room for it. */
export interface PromptTokens extends EncodedPrompt {
  /** Every token. */
  readonly tokens: readonly NamedToken[];
}

/** What a service is doing and has done since its model was loaded. */
export interface ServiceStats extends BatcherCounts {
  /** How many sequences wait for their turn. */
  readonly waiting: number;
  /** How many sequences run. */
  readonly running: number;
}

/** Options of {@linkcode InferenceService.submit}. */
export interface SubmitOptions {
  /** Calls the request off. */
  readonly signal?: AbortSignal;
}

/** A model that answers requests. */
export interface InferenceService extends AsyncDisposable {
  /** What is known about the model. */
  readonly model: ModelInfo;
  /** Whether it can answer now. */
  readonly isAvailable: boolean;
  /**
   * Accepts a request; leaving its events calls it off.
   *
   * @throws {InferenceError} If it cannot be accepted.
   */
  submit(request: CompletionRequest, options?: SubmitOptions): Promise<Completion>;
  /**
   * Returns the embedding of each input.
   *
   * @throws {InferenceError} If the model makes none, or cannot read one of them.
   */
  embed(request: EmbeddingRequest, options?: SubmitOptions): Promise<readonly Embedding[]>;
  /**
   * Returns a prompt as the model would read it; nothing is computed.
   *
   * @throws {InferenceError} If it cannot read it.
   */
  encode(prompt: Prompt, options?: EncodeRequestOptions): Promise<PromptTokens>;
  /**
   * Returns what it is doing.
   *
   * @throws {InferenceError} If it cannot answer now.
   */
  stats(): Promise<ServiceStats>;
  /** Refuses what comes from now on, and resolves when what runs has ended. */
  drain(): Promise<void>;
}
