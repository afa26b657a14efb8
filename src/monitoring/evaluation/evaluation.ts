/**
 * What an evaluation found: of each item, and of all together.
 *
 * @module
 */

import type { Scores, TaskIdentity } from "./task.ts";

/**
 * What became of an item: `scored` where only a loss is measured; `token-limit` where the answer is wrong and was cut
 * off by the limit; `error` where there is no answer, which counts for nothing.
 */
export const OUTCOMES = ["correct", "wrong", "token-limit", "scored", "error"] as const;

/** What became of an item. */
export type Outcome = (typeof OUTCOMES)[number];

/** What an evaluation found of one item. */
export interface ItemResult {
  /** Identity of the item: results of two models are paired by it. */
  readonly id: string;
  /** Its place in the task, counted from 0. */
  readonly index: number;
  /** What became of it. */
  readonly outcome: Outcome;
  /** Scores by metric; none where there is an error. */
  readonly scores: Scores;
  /** What was asked. */
  readonly prompt: string;
  /** What was expected. */
  readonly expected: string;
  /** What the model answered; `null` where it answered nothing. */
  readonly output: string | null;
  /** Log-likelihood of each choice. */
  readonly logprobs?: readonly number[];
  /** What is wrong with the answer. */
  readonly reason?: string;
  /** Why there is no answer. */
  readonly error?: string;
  /** From the item's start to its end, other items that ran beside it included. */
  readonly latencyMs: number;
  /** Tokens that were read. */
  readonly promptTokens: number;
  /** Tokens that were generated; of a loss, those that count. */
  readonly outputTokens: number;
}

/** What is known of the model that was evaluated. */
export interface EvaluatedModel {
  /** Its name. */
  readonly id: string;
  /** Its folder. */
  readonly folder?: string;
  /** Where it ran. */
  readonly device?: string;
}

/** The mean of a metric over the items that have an answer. */
export interface MetricSummary {
  /** The mean; of a loss, over tokens. */
  readonly value: number;
  /** Its standard error over items; `null` for fewer than two. */
  readonly standardError: number | null;
  /** How many items have an answer. */
  readonly n: number;
}

/** Results in numbers. */
export interface EvaluationSummary {
  /** Every metric. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** How many items had each outcome. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** e to the mean loss of a token; `null` where no loss is measured. */
  readonly perplexity: number | null;
}

/** Speed and memory: reported beside quality, no part of it. */
export interface Performance {
  /** From start to end. */
  readonly durationMs: number;
  /** Of an item; `null` if none has an answer. */
  readonly medianLatencyMs: number | null;
  /** Tokens read and generated. */
  readonly tokensPerSecond: number | null;
  /** The most that the process held. */
  readonly peakMemoryBytes: number;
}

/** What an evaluation found. */
export interface Evaluation extends EvaluationSummary {
  /** The task. */
  readonly task: TaskIdentity;
  /** The model. */
  readonly model: EvaluatedModel;
  /** Speed and memory. */
  readonly performance: Performance;
  /** Every item. */
  readonly results: readonly ItemResult[];
}
