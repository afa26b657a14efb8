/**
 * One sequence while it is generated: says what the model has to read next and turns logits into events.
 *
 * @module
 */

import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { createRandom, type Random } from "../../utils/random.ts";
import type { Decoder } from "./decoder.ts";
import { createOutputText, type OutputText, type PlacedToken } from "./output_text.ts";
import { pieceLength } from "./piece_length.ts";
import { PREFILL_TOKENS } from "./run_groups.ts";
import { chooseToken, type SamplingSettings } from "./sampling.ts";
import type { GuessOptions, SuffixLookup } from "./suffix_lookup.ts";
import { biased, type TokenConstraint } from "./token_constraint.ts";
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
  /**
   * Compute it the same way each time, whatever came before: guess nothing, and take over nothing that was generated.
   * Several tokens read at once are rounded otherwise than one by one, which integer weights amplify. @default {false}
   */
  readonly repeatable?: boolean;
  /** Tokens that end the sequence; they are not part of the text. */
  readonly eosTokenIds: readonly number[];
  /** Strings that end the text; they are not part of it. @default {[]} */
  readonly stop?: readonly string[];
  /** Report the log-probability of each token and of this many of the likeliest. @default {do not} */
  readonly topLogprobs?: number;
  /** Report the log-probabilities of the prompt's tokens too. @default {false} */
  readonly scorePrompt?: boolean;
  /** Added to the logits of tokens, by id. @default {nothing} */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Says which tokens may come next. @default {all} */
  readonly constraint?: TokenConstraint;
  /** The adapter that changes the model. @default {none} */
  readonly adapter?: string;
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
    readonly eosToken?: PlacedToken;
  };

/** What the model has to read next. */
export interface ReadPlan {
  /** Token ids; after those that are certain, `drafts` guesses of what follows. */
  readonly ids: readonly number[];
  /** How many of them are guesses. */
  readonly drafts: number;
  /** Whether the logits of every position are needed, or of the last alone. */
  readonly everyPosition: boolean;
}

/** Options of {@linkcode Generation.plan}. */
export interface PlanOptions {
  /** The most tokens to read. @default {512} */
  readonly maxTokens?: number;
  /** The most tokens to guess. @default {0} */
  readonly maxDrafts?: number;
  /** What reading a further token costs, as a share of reading one. @default {0} */
  readonly draftCost?: number;
}

/** A sequence while it is generated. */
export interface Generation {
  /** Everything so far, prompt and text. */
  readonly ids: readonly number[];
  /** How many of them the model has read. */
  readonly read: number;
  /** Whether it is over. */
  readonly ended: boolean;
  /** Whether only its newest token has to be read. */
  readonly isDecoding: boolean;
  /** Begins; what happens before anything is read. */
  begin(): readonly GenerationEvent[];
  /** Returns what to read next. */
  plan(options?: PlanOptions): ReadPlan;
  /** Takes the logits of what was read by `plan`. */
  advance(plan: ReadPlan, logits: Float32Array): readonly GenerationEvent[];
  /** Says that the model knows the first `count` tokens and no others: they were found in a cache, or it forgot. */
  reset(count: number): void;
}

/** The most logits computed at once. */
const MAX_LOGITS = 2 ** 24;

/**
 * Begins a sequence, of which `lookup` guesses the tokens that plans have room for, and from which it learns.
 *
 * @throws {RangeError} If the prompt is empty or longer than the model's context.
 */
export function createGeneration(
  model: Pick<Decoder, "vocabSize" | "maxPositions">,
  tokenizer: Tokenizer | undefined,
  request: GenerationRequest,
  lookup?: SuffixLookup,
): Generation {
  return new SequenceGeneration(model, tokenizer, request, lookup);
}

class SequenceGeneration implements Generation {
  readonly #request: GenerationRequest;
  readonly #vocabSize: number;
  readonly #maxTokens: number;
  readonly #random: Random;
  readonly #output: OutputText;
  readonly #ids: number[];
  readonly #generatedIds: number[] = [];
  readonly #promptLogprobs: (TokenLogprobs | null)[] = [null];
  readonly #lookup: SuffixLookup | undefined;
  #learned = 0;
  #read = 0;
  #ended = false;
  #promptReported = false;

  constructor(
    model: Pick<Decoder, "vocabSize" | "maxPositions">,
    tokenizer: Tokenizer | undefined,
    request: GenerationRequest,
    lookup: SuffixLookup | undefined,
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
    this.#ids = [...promptIds];
    this.#lookup = lookup;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  get read(): number {
    return this.#read;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get isDecoding(): boolean {
    return this.#read === this.#ids.length - 1 && this.#generatedIds.length > 0;
  }

  begin(): readonly GenerationEvent[] {
    return this.#maxTokens === 0 && !this.#request.scorePrompt ? this.#end("length") : [];
  }

  plan(
    { maxTokens = PREFILL_TOKENS, maxDrafts = 0, draftCost = 0 }: PlanOptions = {},
  ): ReadPlan {
    if (this.isDecoding) {
      const drafts = this.#guess({ count: maxDrafts, cost: draftCost });
      const ids = [this.#ids[this.#read]!, ...drafts];
      return { ids, drafts: drafts.length, everyPosition: drafts.length > 0 };
    }
    const everyPosition = this.#scores();
    const most = everyPosition
      ? Math.max(1, Math.min(maxTokens, Math.floor(MAX_LOGITS / this.#vocabSize)))
      : maxTokens;
    const ids = this.#ids.slice(this.#read, this.#read + this.#pieceOf(most));
    return { ids, drafts: 0, everyPosition };
  }

  advance(plan: ReadPlan, logits: Float32Array): readonly GenerationEvent[] {
    const certain = plan.ids.length - plan.drafts;
    if (this.#scores()) this.#scorePrompt(plan.ids, logits);
    this.#read += certain;
    if (this.#read < this.#ids.length) return [];
    const events: GenerationEvent[] = [];
    if (this.#request.scorePrompt && !this.#promptReported) {
      this.#promptReported = true;
      events.push({ type: "prompt", logprobs: this.#promptLogprobs });
      if (this.#maxTokens === 0) return [...events, ...this.#end("length")];
    }
    const size = this.#vocabSize;
    const first = logits.length / size - 1 - plan.drafts;
    for (let draft = 0;; draft++) {
      const row = logits.subarray((first + draft) * size, (first + draft + 1) * size);
      events.push(...this.#generate(row));
      if (this.#ended || draft === plan.drafts) break;
      if (this.#ids.at(-1) !== plan.ids[certain + draft]) break;
      this.#read++; // the guess was right, so the model has read this token too
    }
    return joined(events);
  }

  reset(count: number): void {
    this.#read = count;
  }

  #scores(): boolean {
    return (this.#request.scorePrompt ?? false) && !this.#promptReported;
  }

  /** How many of what is not read yet to read at once. */
  #pieceOf(most: number): number {
    const { promptIds, repeatable = false } = this.#request;
    const fromPrompt = promptIds.length - this.#read;
    if (repeatable && fromPrompt <= 0) return 1; // was generated one by one, before it made room for others
    return pieceLength(repeatable ? fromPrompt : this.#ids.length - this.#read, most);
  }

  #guess({ count, cost }: GuessOptions): readonly number[] {
    if (this.#request.repeatable) return [];
    const most = Math.min(count, this.#maxTokens - this.#generatedIds.length - 1);
    if (this.#lookup === undefined || most <= 0) return [];
    this.#learn();
    return this.#lookup.guess(this.#ids, { count: most, cost });
  }

  /** Lets what was read and written since the last time be looked up. */
  #learn(): void {
    this.#lookup?.learn(this.#ids, {
      start: this.#learned,
      written: this.#request.promptIds.length,
    });
    this.#learned = this.#ids.length;
  }

  #scorePrompt(ids: readonly number[], logits: Float32Array): void {
    const { promptIds, topLogprobs = 0 } = this.#request;
    for (let i = 0; i < ids.length; i++) {
      const at = this.#read + i + 1;
      const following = promptIds[at];
      if (following === undefined) break;
      const row = logits.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize);
      this.#promptLogprobs[at] = tokenLogprobs(row, following, { topCount: topLogprobs });
    }
  }

  #generate(logits: Float32Array): readonly GenerationEvent[] {
    const { promptIds, sampling, topLogprobs, eosTokenIds, constraint } = this.#request;
    const history = { promptIds, generatedIds: this.#generatedIds };
    const offered = biased(logits, this.#request);
    const id = chooseToken(offered, { sampling, history, random: this.#random });
    if (!Number.isFinite(offered[id]!)) {
      throw new Error(`Cannot choose a token: the model gave the logit ${offered[id]}`);
    }
    constraint?.accept(id);
    this.#ids.push(id);
    this.#generatedIds.push(id);
    const token = topLogprobs === undefined
      ? { id }
      : { id, logprobs: tokenLogprobs(logits, id, { topCount: topLogprobs }) };
    if (eosTokenIds.includes(id)) {
      return this.#end("stop", { ...token, offset: this.#output.length });
    }
    const piece = this.#output.push(token);
    const events: GenerationEvent[] = [{ type: "output", text: piece.text, tokens: piece.tokens }];
    if (piece.stopped) return [...events, ...this.#finish("stop")];
    const isFull = this.#generatedIds.length >= this.#maxTokens;
    if (!isFull) return events;
    // A text that the constraint has brought to its end is whole, though there was no room for the token that says so.
    return [...events, ...this.#end(constraint?.isDone ? "stop" : "length")];
  }

  /** Passes on what was held back, in which a stop string may yet come to light, and ends. */
  #end(reason: FinishReason, eosToken?: PlacedToken): readonly GenerationEvent[] {
    const { text, tokens, stopped } = this.#output.end();
    const last = stopped ? this.#finish("stop") : this.#finish(reason, eosToken);
    return text === "" && tokens.length === 0 ? last : [{ type: "output", text, tokens }, ...last];
  }

  #finish(reason: FinishReason, eosToken?: PlacedToken): readonly GenerationEvent[] {
    this.#ended = true;
    this.#learn();
    const generatedTokens = this.#generatedIds.length;
    const eos = eosToken === undefined ? {} : { eosToken };
    return [{ type: "end", reason, generatedTokens, ...eos }];
  }
}

/** Returns the same with pieces of output that follow each other made one: right guesses give several at once. */
function joined(events: readonly GenerationEvent[]): GenerationEvent[] {
  const result: GenerationEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type !== "output" || last?.type !== "output") {
      result.push(event);
      continue;
    }
    const { text, tokens } = event;
    result.splice(-1, 1, { ...last, text: last.text + text, tokens: [...last.tokens, ...tokens] });
  }
  return result;
}
