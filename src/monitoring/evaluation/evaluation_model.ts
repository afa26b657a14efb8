/**
 * A model as far as evaluation needs it: likelihoods of given tokens, and texts. The only file of the room that knows
 * how models are run.
 *
 * @module
 */

import { IGNORED_LABEL } from "../../datasets/labels.ts";
import { type Batcher, createBatcher } from "../../inference/generation/batcher.ts";
import type { Decoder } from "../../inference/generation/decoder.ts";
import type { LoadedModel } from "../../inference/generation/loaded_model.ts";
import { likeliest, NEUTRAL_SAMPLING } from "../../inference/generation/sampling.ts";
import { logSumExp } from "../../inference/generation/token_logprobs.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";

/** How likely a model finds given tokens. */
export interface LabelScores {
  /** Sum of their natural log-probabilities. */
  readonly logprob: number;
  /** How many they are. */
  readonly count: number;
  /** How many of them are the likeliest at their place. */
  readonly greedy: number;
}

/** Tokens and which of them are scored. */
export interface LabelsRequest {
  /** Token ids. */
  readonly ids: ArrayLike<number>;
  /** The id to score in each place, −100 where none is; the first place has none. */
  readonly labels: ArrayLike<number>;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/** A text to generate. */
export interface TextRequest {
  /** Token ids to go on from. */
  readonly promptIds: readonly number[];
  /** The most tokens. */
  readonly maxTokens: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Seed of the draws. */
  readonly seed: number;
  /** Strings that end the text. */
  readonly stop: readonly string[];
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/** What was generated. */
export interface GeneratedText {
  /** The text, without what ended it. */
  readonly text: string;
  /** Whether it ended by itself, or for want of room. */
  readonly reason: "stop" | "length";
  /** How many tokens it has. */
  readonly tokens: number;
}

/** A model that is evaluated. */
export interface EvaluationModel {
  /** Its name. */
  readonly id: string;
  /** The most tokens that it reads. */
  readonly maxPositions: number;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** Its tokenizer, where it has one. */
  readonly tokenizer: Tokenizer | undefined;
  /** Tokens that end a text. */
  readonly eosTokenIds: readonly number[];
  /** Returns how likely the labelled tokens are. */
  scoreLabels(request: LabelsRequest): Promise<LabelScores>;
  /** Generates a text; calls at the same time share runs of the model. */
  generateText(request: TextRequest): Promise<GeneratedText>;
}

/** The most logits computed at once. */
const MAX_LOGITS = 2 ** 24;
/** The most positions read at once. */
const MAX_POSITIONS = 512;

/** Options of {@linkcode createEvaluationModel}. */
export interface EvaluationModelOptions {
  /** What to call it. @default {the model's own name} */
  readonly id?: string | undefined;
  /** The most texts generated at once. @default {16} */
  readonly concurrency?: number | undefined;
}

/** Returns `model`, which remains its caller's to dispose of, as evaluation sees it. */
export function createEvaluationModel(
  model: LoadedModel,
  options: EvaluationModelOptions = {},
): EvaluationModel {
  const { id = model.id, concurrency = 16 } = options;
  const { decoder, tokenizer, eosTokenIds } = model;
  const batcher = createBatcher(decoder, tokenizer, { maxRunning: concurrency });
  return {
    id,
    tokenizer,
    eosTokenIds,
    maxPositions: decoder.maxPositions,
    vocabSize: decoder.vocabSize,
    scoreLabels: (request) => scoreLabels(decoder, request),
    generateText: (request) => generateText(batcher, request, eosTokenIds),
  };
}

async function scoreLabels(
  decoder: Decoder,
  { ids, labels, signal }: LabelsRequest,
): Promise<LabelScores> {
  const scored = Array.from(labels, (_, i) => i)
    .filter((i) => i > 0 && labels[i] !== IGNORED_LABEL);
  const [first, last] = [scored[0], scored.at(-1)];
  if (first === undefined || last === undefined) return { logprob: 0, count: 0, greedy: 0 };
  let logprob = 0;
  let greedy = 0;
  const score = (logits: Float32Array, label: number) => {
    logprob += logits[label]! - logSumExp(logits);
    if (likeliest(logits) === label) greedy++;
  };
  using sequence = decoder.open();
  const read = async (from: number, to: number, everyPosition: boolean) => {
    signal?.throwIfAborted();
    const piece = Array.from({ length: to - from }, (_, i) => ids[from + i]!);
    const [logits] = await decoder.extend([{ sequence, ids: piece }], { everyPosition });
    return logits!;
  };
  score(await read(0, first, false), labels[first]!);
  const { vocabSize } = decoder;
  const size = Math.max(1, Math.min(MAX_POSITIONS, Math.floor(MAX_LOGITS / vocabSize)));
  for (let from = first; from < last; from += size) {
    const to = Math.min(from + size, last);
    const logits = await read(from, to, true);
    for (let i = from; i < to; i++) {
      const label = labels[i + 1]!;
      const row = (i - from) * vocabSize;
      if (label !== IGNORED_LABEL) score(logits.subarray(row, row + vocabSize), label);
    }
  }
  if (!Number.isFinite(logprob)) {
    throw new Error(`Cannot score the tokens: the model gives the log-probability ${logprob}`);
  }
  return { logprob, count: scored.length, greedy };
}

async function generateText(
  batcher: Batcher,
  request: TextRequest,
  eosTokenIds: readonly number[],
): Promise<GeneratedText> {
  const { promptIds, maxTokens, temperature, seed, stop, signal } = request;
  let text = "";
  const events = batcher.submit({
    ...{ promptIds, maxTokens, seed, stop, eosTokenIds },
    sampling: { ...NEUTRAL_SAMPLING, temperature },
    repeatable: true,
    ...(signal === undefined ? {} : { signal }),
  });
  for await (const event of events) {
    if (event.type === "output") text += event.text;
    if (event.type === "end") return { text, reason: event.reason, tokens: event.generatedTokens };
  }
  throw new Error("Internal: a text has no end");
}
