/**
 * Compares models on the same items, and says which is better only where the numbers show it.
 *
 * @example
 * ```ts
 * import { ModelComparisonEngine, type Evaluation } from "./model_comparison_engine.ts";
 *
 * function decide(candidate: Evaluation, live: Evaluation): boolean {
 *   const engine = new ModelComparisonEngine({ minimumEffect: 0.01 });
 *   return engine.compare(candidate, live).verdict === "better";
 * }
 * if (typeof decide !== "function") throw new Error("unreachable");
 * ```
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { mcNemarTest } from "./comparison/binomial.ts";
import type { ComparedModel, Comparison, PairedTest, Verdict } from "./comparison/comparison.ts";
import { describeComparison } from "./comparison/describe_comparison.ts";
import { holmCorrection } from "./comparison/holm.ts";
import { normalQuantile } from "./comparison/normal.ts";
import { pairItems } from "./comparison/pair_items.ts";
import { bootstrapInterval, permutationTest } from "./comparison/resampling.ts";
import { wilcoxonTest } from "./comparison/wilcoxon.ts";
import type { Evaluation } from "./evaluation/evaluation.ts";

export {
  type ComparedModel,
  type Comparison,
  PAIRED_TESTS,
  type PairedTest,
  type Verdict,
  VERDICTS,
} from "./comparison/comparison.ts";
export { type ComparisonPage, comparisonPage } from "./comparison/comparison_page.ts";
export {
  type EvaluatedModel,
  type Evaluation,
  type EvaluationSummary,
  type ItemResult,
  type MetricSummary,
  type Outcome,
  OUTCOMES,
  type Performance,
} from "./evaluation/evaluation.ts";
export { readEvaluation, writeEvaluation } from "./evaluation/evaluation_file.ts";
export {
  type Scores,
  TASK_KINDS,
  type TaskIdentity,
  type TaskKind,
  type TaskMetric,
} from "./evaluation/task.ts";

/** Options of {@linkcode ModelComparisonEngine}. */
export interface ComparisonOptions {
  /**
   * Of intervals and verdicts. At 0.975, two equal models are told apart once in 40 comparisons, so that a series of 200
   * stays below 5 % but for once in a hundred series. @default {0.975}
   */
  readonly confidence?: number;
  /** The smallest difference that counts, in units of the metric. @default {0} */
  readonly minimumEffect?: number;
  /** The metric to compare. @default {the task's first} */
  readonly metric?: string | undefined;
  /** How losses are tested. @default {"permutation"} */
  readonly test?: Exclude<PairedTest, "mcnemar">;
  /** Resamples of the bootstrap and of the permutation test. @default {5000} */
  readonly resamples?: number;
  /** Seed of resampling. @default {1} */
  readonly seed?: number;
}

/** One line of a leaderboard. */
export interface LeaderboardEntry {
  /** From 1; models that the numbers do not tell from the best of their rank share it. */
  readonly rank: number;
  /** Name of the model. */
  readonly model: string;
  /** Its mean. */
  readonly value: number;
  /** The comparison with the best model; none for that one. */
  readonly comparison: Comparison | undefined;
}

/**
 * Compares evaluations. It holds settings alone: the same evaluations give the same verdict, whatever was compared
 * before. A verdict is given where the test is significant, the interval excludes 0, and the difference is at least the
 * minimum effect.
 */
export class ModelComparisonEngine {
  readonly #options: Required<Omit<ComparisonOptions, "metric">> & { readonly metric?: string };

  /** Creates an engine. */
  constructor(options: ComparisonOptions = {}) {
    const { confidence = 0.975, minimumEffect = 0, test = "permutation", metric } = options;
    const { resamples = 5000, seed = 1 } = options;
    if (!(confidence > 0.5 && confidence < 1)) {
      throw new RangeError(
        `Cannot compare as "confidence" must be between 0.5 and 1: current value is ${confidence}`,
      );
    }
    if (!(minimumEffect >= 0)) {
      throw new RangeError(
        `Cannot compare as "minimumEffect" must be at least 0: current value is ${minimumEffect}`,
      );
    }
    this.#options = {
      ...{ confidence, minimumEffect, test, resamples, seed },
      ...(metric === undefined ? {} : { metric }),
    };
  }

  /**
   * Judges a candidate by a reference.
   *
   * @throws {UserError} If they were not evaluated on the same items.
   */
  compare(candidate: Evaluation, reference: Evaluation): Comparison {
    const [comparison] = this.compareMany([candidate], reference);
    return comparison!;
  }

  /**
   * Judges several candidates by one reference; p-values are corrected so that together they mislead no more often than
   * one would (Holm).
   *
   * @throws {UserError} If they were not evaluated on the same items.
   */
  compareMany(candidates: readonly Evaluation[], reference: Evaluation): readonly Comparison[] {
    const found = candidates.map((candidate) => this.#measure(candidate, reference));
    const corrected = holmCorrection(found.map(({ pValue }) => pValue));
    return found.map((each, i) => {
      const verdict = this.#verdict({ ...each, correctedPValue: corrected[i]! });
      const comparison = { ...each, correctedPValue: corrected[i]!, verdict };
      return { ...comparison, summary: describeComparison(comparison) };
    });
  }

  /**
   * Ranks evaluations of one task by quality alone. Each is compared with the best; those that are not worse by the
   * numbers share rank 1.
   *
   * @throws {UserError} If there are none, or they were not evaluated on the same items.
   */
  leaderboard(evaluations: readonly Evaluation[]): readonly LeaderboardEntry[] {
    const metric = this.#metricOf(evaluations);
    const sign = metric.higherIsBetter ? 1 : -1;
    const valueOf = (evaluation: Evaluation) => evaluation.metrics[metric.name]!.value;
    const [best, ...rest] = evaluations.toSorted((a, b) => sign * (valueOf(b) - valueOf(a)));
    const comparisons = this.compareMany(rest, best!);
    let rank = 1;
    return [
      { rank, model: best!.model.id, value: valueOf(best!), comparison: undefined },
      ...rest.map((evaluation, i): LeaderboardEntry => {
        const comparison = comparisons[i]!;
        if (comparison.verdict === "worse") rank = i + 2;
        return { rank, model: evaluation.model.id, value: valueOf(evaluation), comparison };
      }),
    ];
  }

  /**
   * Returns a watch over regressions. What every later evaluation is held against is `reference`, and stays it: a slow
   * decline cannot hide in a reference that moves along.
   */
  watch(reference: Evaluation): RegressionWatch {
    return new RegressionWatch(this, reference);
  }

  #metricOf(evaluations: readonly Evaluation[]): Evaluation["task"]["metrics"][number] {
    const task = evaluations[0]?.task;
    if (task === undefined) throw new UserError("Cannot rank models: there is no evaluation");
    const { metric: wanted } = this.#options;
    const metric = task.metrics.find(({ name }) => wanted === undefined || name === wanted);
    if (metric !== undefined) return metric;
    throw new UserError(`Cannot rank models by "${wanted}": task "${task.name}" does not have it`);
  }

  #measure(
    candidate: Evaluation,
    reference: Evaluation,
  ): Omit<Comparison, "verdict" | "summary" | "correctedPValue"> {
    const { confidence, minimumEffect, resamples, seed } = this.#options;
    const paired = pairItems(candidate, reference, this.#options.metric);
    const { metric: { name, higherIsBetter, isBinary }, pairs, errors } = paired;
    // a loss counts by tokens, which both models count alike unless their tokenizers differ
    const isLoss = reference.task.kind === "loss";
    const weights = pairs.map(({ reference: { outputTokens } }) => isLoss ? outputTokens : 1);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = (values: readonly number[]) =>
      values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / total;
    const scores = (side: "candidate" | "reference") =>
      pairs.map((pair) => pair[side].scores[name]!);
    const differences = pairs.map((pair) =>
      pair.candidate.scores[name]! - pair.reference.scores[name]!
    );
    const weighted = differences.map((each, i) => each * weights[i]! * pairs.length / total);
    const difference = mean(differences);
    const sign = higherIsBetter ? 1 : -1;
    const wins = differences.filter((each) => sign * each > 0).length;
    const losses = differences.filter((each) => sign * each < 0).length;
    const test: PairedTest = isBinary ? "mcnemar" : this.#options.test;
    return {
      task: reference.task.name,
      taskHash: reference.task.hash,
      metric: name,
      higherIsBetter,
      candidate: comparedModel(candidate, mean(scores("candidate"))),
      reference: comparedModel(reference, mean(scores("reference"))),
      n: pairs.length,
      errors,
      ...{ wins, losses, ties: pairs.length - wins - losses },
      difference,
      interval: bootstrapInterval(differences, { resamples, seed, confidence, weights }),
      confidence,
      test,
      pValue: pValueOf(test, { wins, losses, weighted, resamples, seed }),
      minimumEffect,
      detectableEffect: Math.max(
        detectableEffect(weighted, confidence),
        // so many items must differ, all to one side, for McNemar's test to be significant
        isBinary ? Math.ceil(1 - Math.log2(1 - confidence)) / pairs.length : 0,
      ),
    };
  }

  #verdict(
    { difference, interval: [low, high], higherIsBetter, ...rest }: Omit<
      Comparison,
      "verdict" | "summary"
    >,
  ): Verdict {
    const { correctedPValue, minimumEffect, confidence } = rest;
    const isSure = correctedPValue <= 1 - confidence && (low > 0 || high < 0);
    if (!isSure || Math.abs(difference) < minimumEffect) return "no-evidence";
    return (difference > 0) === higherIsBetter ? "better" : "worse";
  }
}

/** Holds later evaluations against one that stays what it is. */
export class RegressionWatch {
  /** The evaluation that all others are held against. */
  readonly reference: Evaluation;
  readonly #engine: ModelComparisonEngine;

  /** Creates a watch. */
  constructor(engine: ModelComparisonEngine, reference: Evaluation) {
    this.#engine = engine;
    this.reference = reference;
  }

  /**
   * Returns the comparison with the reference; `verdict` is `worse` where there is a regression.
   *
   * @throws {UserError} If it was not evaluated on the same items.
   */
  check(evaluation: Evaluation): Comparison {
    return this.#engine.compare(evaluation, this.reference);
  }
}

function pValueOf(
  test: PairedTest,
  { wins, losses, weighted, resamples, seed }: {
    readonly wins: number;
    readonly losses: number;
    readonly weighted: readonly number[];
    readonly resamples: number;
    readonly seed: number;
  },
): number {
  switch (test) {
    case "mcnemar":
      return mcNemarTest({ onlyFirst: wins, onlySecond: losses });
    case "permutation":
      return permutationTest(weighted, { resamples, seed });
    case "wilcoxon":
      return wilcoxonTest(weighted);
  }
}

/** What the spread of the differences lets be found in four of five series, by the normal approximation. */
function detectableEffect(differences: readonly number[], confidence: number): number {
  const n = differences.length;
  if (n < 2) return Infinity;
  const mean = differences.reduce((sum, each) => sum + each, 0) / n;
  const variance = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (n - 1);
  const quantiles = normalQuantile((1 - confidence) / 2) + normalQuantile(0.2);
  return quantiles * Math.sqrt(variance / n);
}

function comparedModel({ model, performance }: Evaluation, value: number): ComparedModel {
  const { medianLatencyMs, tokensPerSecond, peakMemoryBytes } = performance;
  return { id: model.id, value, medianLatencyMs, tokensPerSecond, peakMemoryBytes };
}
