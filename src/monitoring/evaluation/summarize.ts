/**
 * Results of items in a few numbers.
 *
 * @module
 */

import {
  type EvaluationSummary,
  type ItemResult,
  type MetricSummary,
  type Outcome,
  OUTCOMES,
} from "./evaluation.ts";
import type { TaskIdentity } from "./task.ts";

/** Summarises results; items without an answer count for nothing. */
export function summarize(
  { kind, metrics }: TaskIdentity,
  results: readonly ItemResult[],
): EvaluationSummary {
  const answered = results.filter(({ outcome }) => outcome !== "error");
  const entries = metrics.map(({ name }): [string, MetricSummary] => [
    name,
    summaryOf(answered.map(({ scores, outputTokens }) => ({
      score: scores[name]!,
      weight: kind === "loss" ? outputTokens : 1,
    }))),
  ]);
  const summaries = Object.fromEntries(entries);
  const count = (outcome: Outcome) => results.filter((each) => each.outcome === outcome).length;
  return {
    metrics: summaries,
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, count(outcome)]),
    ) as Record<Outcome, number>,
    perplexity: kind === "loss" && answered.length > 0 ? Math.exp(summaries["loss"]!.value) : null,
  };
}

interface Weighted {
  readonly score: number;
  readonly weight: number;
}

/** The standard error of a ratio of sums; with equal weights it is that of the mean. */
function summaryOf(values: readonly Weighted[]): MetricSummary {
  const n = values.length;
  const total = values.reduce((sum, { weight }) => sum + weight, 0);
  const value = values.reduce((sum, { score, weight }) => sum + score * weight, 0) / total;
  if (n < 2) return { value, standardError: null, n };
  const squares = values.reduce(
    (sum, { score, weight }) => sum + (weight * n / total * (score - value)) ** 2,
    0,
  );
  return { value, standardError: Math.sqrt(squares / (n - 1) / n), n };
}
