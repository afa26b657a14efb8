/**
 * Scores given text: how likely a model finds it.
 *
 * @module
 */

import type { Decoder } from "./decoder.ts";
import { generate } from "./generate.ts";
import { NEUTRAL_SAMPLING } from "./sampling.ts";
import type { TokenLogprobs } from "./token_logprobs.ts";

/** Options of {@linkcode score}. */
export interface ScoreOptions {
  /** How many of the likeliest tokens to report at each place. @default {0} */
  readonly topLogprobs?: number;
  /** Ends the scoring with its reason as error. */
  readonly signal?: AbortSignal;
}

/**
 * Returns the log-probability of each of `ids` after those before it; the first has none.
 *
 * @throws {RangeError} If there are no ids or more than the model's context holds.
 */
export async function score(
  decoder: Decoder,
  ids: readonly number[],
  options: ScoreOptions = {},
): Promise<readonly (TokenLogprobs | null)[]> {
  const request = {
    promptIds: ids,
    maxTokens: 0,
    sampling: NEUTRAL_SAMPLING,
    seed: 0,
    eosTokenIds: [],
    scorePrompt: true,
    ...options,
  };
  for await (const event of generate(decoder, undefined, request)) {
    if (event.type === "prompt") return event.logprobs;
  }
  throw new Error("Internal: a scored prompt has no log-probabilities");
}
