/**
 * Choices judged by likelihood, as lm-evaluation-harness does.
 *
 * @module
 */

import type { Scores } from "./task.ts";

/** Metrics of multiple choice. */
export const CHOICE_METRICS = [
  "acc",
  "acc_norm",
  "acc_bytes",
  "acc_mutual_info",
  "exact_match",
] as const;

/** A metric of multiple choice. */
export type ChoiceMetric = (typeof CHOICE_METRICS)[number];

/** What is known of an item besides the likelihoods. */
export interface ChoiceItem {
  /** The choices. */
  readonly choices: readonly string[];
  /** Indices of those that are right; an index that is no choice is never right. */
  readonly gold: readonly number[];
}

/** Returns the scores of an item by the log-likelihoods of its choices. */
export function scoreChoices(
  item: ChoiceItem,
  { logprobs, greedy, metrics }: {
    readonly logprobs: readonly number[];
    readonly greedy: readonly boolean[];
    readonly metrics: readonly ChoiceMetric[];
  },
): Scores {
  const { choices, gold } = item;
  const given = logprobs.slice(0, choices.length);
  const isGold = (index: number) => gold.includes(index) ? 1 : 0;
  const by = (size: (choice: string) => number) =>
    isGold(argmax(given.map((logprob, i) => logprob / size(choices[i]!))));
  const rules: Readonly<Record<ChoiceMetric, () => number>> = {
    acc: () => isGold(argmax(given)),
    // Python counts code points
    acc_norm: () => by((choice) => Array.from(choice).length),
    acc_bytes: () => by((choice) => new TextEncoder().encode(choice).length),
    acc_mutual_info: () => isGold(argmax(given.map((p, i) => p - logprobs[choices.length + i]!))),
    exact_match: () => gold.some((index) => greedy[index] === true) ? 1 : 0,
  };
  return Object.fromEntries(metrics.map((metric) => [metric, rules[metric]()]));
}

/** The first of the largest; NumPy takes a NaN for the largest. */
function argmax(values: readonly number[]): number {
  const nan = values.findIndex(Number.isNaN);
  if (nan >= 0) return nan;
  return values.reduce((best, value, i) => value > values[best]! ? i : best, 0);
}
