/**
 * Choosing the next token: penalties, temperature and filters in the order of `transformers`, then a draw.
 *
 * @example
 * ```ts
 * import { chooseToken, NEUTRAL_SAMPLING } from "./sampling.ts";
 *
 * const id = chooseToken(Float32Array.of(0, 2, 1), {
 *   sampling: { ...NEUTRAL_SAMPLING, temperature: 0 },
 *   random: { next: Math.random },
 * });
 * if (id !== 1) throw new Error("greedy takes the largest logit");
 * ```
 *
 * @module
 */

import { applyPenalties, type PenaltySettings } from "./penalties.ts";
import {
  allCandidates,
  type Candidates,
  keepMinP,
  keepTopK,
  keepTopP,
  keepTypical,
  scale,
} from "./candidates.ts";

/** How the next token is chosen. */
export interface SamplingSettings extends PenaltySettings {
  /** Divides the logits; 0 always takes the likeliest token. */
  readonly temperature: number;
  /** Keeps this many of the likeliest tokens, and ties of the last; 0 keeps all. */
  readonly topK: number;
  /** Keeps the likeliest tokens that together have at least this probability; 1 keeps all. */
  readonly topP: number;
  /** Keeps tokens at least this many times as likely as the likeliest; 0 keeps all. */
  readonly minP: number;
  /** Keeps the tokens of most typical information with this probability (Meister et al., 2022); 1 keeps all. */
  readonly typicalP: number;
}

/** Settings that leave the model's own distribution as it is. */
export const NEUTRAL_SAMPLING: SamplingSettings = {
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
};

/** The tokens so far, which penalties look at. */
export interface TokenHistory {
  /** What was given. */
  readonly promptIds: readonly number[];
  /** What was generated. */
  readonly generatedIds: readonly number[];
}

/** What may come next. */
export interface Distribution {
  /** Token ids, in rising order. */
  readonly ids: Int32Array;
  /** The probability of each, together 1. */
  readonly probabilities: Float64Array;
}

/** Options of {@linkcode chooseToken}. */
export interface ChooseTokenOptions {
  /** How to choose. */
  readonly sampling: SamplingSettings;
  /** The tokens so far. @default {none} */
  readonly history?: TokenHistory;
  /** Gives numbers in [0, 1). */
  readonly random: { next(): number };
}

const NO_HISTORY: TokenHistory = { promptIds: [], generatedIds: [] };

/** Chooses the next token by the `logits` of one position; at temperature 0 the lowest id wins a tie. */
export function chooseToken(logits: Float32Array, options: ChooseTokenOptions): number {
  const { sampling, history = NO_HISTORY, random } = options;
  const penalized = applyPenalties(logits, sampling, history);
  if (sampling.temperature === 0) return likeliest(penalized);
  if (!isFiltered(sampling)) return drawFromAll(penalized, sampling.temperature, random.next());
  const { ids, probabilities } = distribution(logits, sampling, history);
  const target = random.next();
  let sum = 0;
  for (let i = 0; i < ids.length; i++) {
    sum += probabilities[i]!;
    if (target < sum) return ids[i]!;
  }
  return ids[ids.length - 1]!; // the sum may end a rounding error below 1
}

function isFiltered({ topK, topP, minP, typicalP }: SamplingSettings): boolean {
  return topK > 0 || topP < 1 || minP > 0 || typicalP < 1;
}

/** Draws from all tokens, of which there are many: in two passes and without a copy. */
function drawFromAll(logits: Float32Array, temperature: number, random: number): number {
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > max) max = logits[id]!;
  const weights = new Float64Array(logits.length);
  const factor = 1 / temperature;
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    total += weights[id] = Math.exp((logits[id]! - max) * factor);
  }
  const target = random * total;
  let sum = 0;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] === 0) continue;
    sum += weights[id]!;
    last = id;
    if (target < sum) return id;
  }
  return last; // the sum may end a rounding error below the total
}

/** Returns the distribution from which the next token is drawn, at a temperature above 0. */
export function distribution(
  logits: Float32Array,
  sampling: SamplingSettings,
  history: TokenHistory = NO_HISTORY,
): Distribution {
  let candidates = allCandidates(applyPenalties(logits, sampling, history));
  candidates = scale(candidates, 1 / sampling.temperature);
  if (sampling.topK > 0) candidates = keepTopK(candidates, sampling.topK);
  if (sampling.topP < 1) candidates = keepTopP(candidates, sampling.topP);
  if (sampling.minP > 0) candidates = keepMinP(candidates, sampling.minP);
  if (sampling.typicalP < 1) candidates = keepTypical(candidates, sampling.typicalP);
  return softmax(candidates);
}

/** Returns the id of the largest logit, the lowest one of a tie. */
export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if (logits[id]! > logits[best]!) best = id;
  }
  return best;
}

function softmax({ ids, scores }: Candidates): Distribution {
  let max = -Infinity;
  for (let i = 0; i < scores.length; i++) max = Math.max(max, scores[i]!);
  const probabilities = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += probabilities[i] = Math.exp(scores[i]! - max);
  for (let i = 0; i < scores.length; i++) probabilities[i]! /= sum;
  return { ids, probabilities };
}
