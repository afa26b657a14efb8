/**
 * One sequence while it is generated: says what the model has to read next and turns logits into events.
 *
 * @module
 */

import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { createRandom, type Random } from "../../utils/random.ts";
import type { Decoder } from "./decoder.ts";
import { createOutputText, type OutputText, type PlacedToken } from "./output_text.ts";
import { chooseToken, type SamplingSettings } from "./sampling.ts";
import { type TokenLogprobs, tokenLogprobs } from "./token_logprobs.ts";

/** Why a sequence ended: at an end token or a stop string, or for want of room. */
export type FinishReason = "stop" | "length";

/** What to generate. */
export interface GenerationRequest {
  /** The tokens to go on from, at least one. */
  readonly promptIds: readonly number[];
  /** The most tokens to generate; the model's context may end it sooner. @default {Infinity} */
  readonly maxTokens?: number;
  /** How to choose tokens. */
  readonly sampling: SamplingSettings;
  /** Seed of the draws. */
  readonly seed: number;
  /** Tokens that end the sequence; they are not part of the text. */
  readonly eosTokenIds: readonly number[];
  /** Strings that end the text; they are not part of it. @default {[]} */
  readonly stop?: readonly string[];
  /** Report the log-probability of each token and of this many of the likeliest. @default {do not} */
  readonly topLogprobs?: number;
  /** Report the log-probabilities of the prompt's tokens too. @default {false} */
  readonly scorePrompt?: boolean;
}

/** What happens while a sequence is generated. */
export type GenerationEvent =
  | {
    /** The prompt has been scored. */
    readonly type: "prompt";
    /** The log-probabilities of the prompt's tokens; the first has none. */
    readonly logprobs: readonly (TokenLogprobs | null)[];
  }
  | {
    /** More of the output is certain. */
    readonly type: "output";
    /** Text, possibly empty. */
    readonly text: string;
    /** Tokens, possibly none. */
    readonly tokens: readonly PlacedToken[];
  }
  | {
    /** The sequence is over; always the last event. */
    readonly type: "end";
    /** Why. */
    readonly reason: FinishReason;
    /** How many tokens were generated, an end token included. */
    readonly generatedTokens: number;
    /** The end token, where one ended it. */
    readonly eosTokenId?: number;
  };

/** What the model has to read next. */
export interface ReadPlan {
  /** Token ids. */
  readonly ids: readonly number[];
  /** Whether the logits of every position are needed, or of the last alone. */
  readonly everyPosition: boolean;
}

/** What follows from the logits. */
export interface GenerationStep {
  /** What happened. */
  readonly events: readonly GenerationEvent[];
  /** What the model has to read next; nothing when the sequence is over. */
  readonly next: ReadPlan | undefined;
}

/** A sequence while it is generated. */
export interface Generation {
  /** Takes the logits of what was to be read, none at the beginning, and goes on. */
  advance(logits?: Float32Array): GenerationStep;
}

/** The most tokens of a prompt read at once, so that other sequences can go on in between. */
const PREFILL_TOKENS = 512;

/** The most logits computed at once. */
const MAX_LOGITS = 2 ** 24;

/**
 * Begins a sequence.
 *
 * @throws {RangeError} If the prompt is empty or longer than the model's context.
 */
export function createGeneration(
  model: Pick<Decoder, "vocabSize" | "maxPositions">,
  tokenizer: Tokenizer | undefined,
  request: GenerationRequest,
): Generation {
  return new SequenceGeneration(model, tokenizer, request);
}

class SequenceGeneration implements Generation {
  readonly #request: GenerationRequest;
  readonly #vocabSize: number;
  readonly #maxTokens: number;
  readonly #random: Random;
  readonly #output: OutputText;
  readonly #generatedIds: number[] = [];
  readonly #promptLogprobs: (TokenLogprobs | null)[] = [null];
  #promptRead = 0;

  constructor(
    model: Pick<Decoder, "vocabSize" | "maxPositions">,
    tokenizer: Tokenizer | undefined,
    request: GenerationRequest,
  ) {
    const { promptIds, maxTokens = Infinity, stop = [] } = request;
    const room = model.maxPositions - promptIds.length;
    if (promptIds.length === 0) throw new RangeError("Cannot generate: the prompt has no tokens");
    if (room < 0) {
      throw new RangeError(
        `Cannot generate: the prompt has ${promptIds.length} tokens, the context ${model.maxPositions}`,
      );
    }
    this.#request = request;
    this.#vocabSize = model.vocabSize;
    this.#maxTokens = Math.min(maxTokens, room);
    this.#random = createRandom(request.seed);
    this.#output = createOutputText(tokenizer, { promptIds, stop });
  }

  advance(logits?: Float32Array): GenerationStep {
    if (logits === undefined) {
      const nothingToDo = this.#maxTokens === 0 && !this.#request.scorePrompt;
      return nothingToDo ? this.#end("length") : { events: [], next: this.#promptPlan() };
    }
    const readsPrompt = this.#promptRead < this.#request.promptIds.length;
    if (!readsPrompt) return this.#generate(logits);
    this.#readPrompt(logits);
    if (this.#promptRead < this.#request.promptIds.length) {
      return { events: [], next: this.#promptPlan() };
    }
    const events: GenerationEvent[] = this.#request.scorePrompt
      ? [{ type: "prompt", logprobs: this.#promptLogprobs }]
      : [];
    const step = this.#maxTokens === 0
      ? this.#end("length")
      : this.#generate(logits.subarray(logits.length - this.#vocabSize));
    return { events: [...events, ...step.events], next: step.next };
  }

  #promptPlan(): ReadPlan {
    const everyPosition = this.#request.scorePrompt ?? false;
    const count = everyPosition
      ? Math.max(1, Math.min(PREFILL_TOKENS, Math.floor(MAX_LOGITS / this.#vocabSize)))
      : PREFILL_TOKENS;
    const ids = this.#request.promptIds.slice(this.#promptRead, this.#promptRead + count);
    return { ids, everyPosition };
  }

  #readPrompt(logits: Float32Array): void {
    const { promptIds, scorePrompt, topLogprobs = 0 } = this.#request;
    const { ids } = this.#promptPlan();
    if (scorePrompt) {
      for (let i = 0; i < ids.length; i++) {
        const following = promptIds[this.#promptRead + i + 1];
        if (following === undefined) break;
        const row = logits.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize);
        this.#promptLogprobs.push(tokenLogprobs(row, following, { topCount: topLogprobs }));
      }
    }
    this.#promptRead += ids.length;
  }

  #generate(logits: Float32Array): GenerationStep {
    const { promptIds, sampling, topLogprobs, eosTokenIds } = this.#request;
    const history = { promptIds, generatedIds: this.#generatedIds };
    const id = chooseToken(logits, { sampling, history, random: this.#random });
    if (!Number.isFinite(logits[id]!)) {
      throw new Error(`Cannot choose a token: the model gave the logit ${logits[id]}`);
    }
    this.#generatedIds.push(id);
    if (eosTokenIds.includes(id)) return this.#end("stop", id);
    const piece = this.#output.push(
      topLogprobs === undefined
        ? { id }
        : { id, logprobs: tokenLogprobs(logits, id, { topCount: topLogprobs }) },
    );
    const events: GenerationEvent[] = [{ type: "output", text: piece.text, tokens: piece.tokens }];
    if (!piece.stopped && this.#generatedIds.length < this.#maxTokens) {
      return { events, next: { ids: [id], everyPosition: false } };
    }
    const last = piece.stopped ? this.#ended("stop") : this.#end("length");
    return { events: [...events, ...last.events], next: undefined };
  }

  /** Passes on what was held back, in which a stop string may yet come to light, and ends. */
  #end(reason: FinishReason, eosTokenId?: number): GenerationStep {
    const { text, tokens, stopped } = this.#output.end();
    const last = this.#ended(stopped ? "stop" : reason, eosTokenId);
    if (text === "" && tokens.length === 0) return last;
    return { events: [{ type: "output", text, tokens }, ...last.events], next: undefined };
  }

  #ended(reason: FinishReason, eosTokenId?: number): GenerationStep {
    const generatedTokens = this.#generatedIds.length;
    const eos = eosTokenId === undefined ? {} : { eosTokenId };
    return { events: [{ type: "end", reason, generatedTokens, ...eos }], next: undefined };
  }
}
