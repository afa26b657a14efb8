/**
 * What a comparison of two models found.
 *
 * @module
 */

/** What may be said of a candidate beside a reference. */
export const VERDICTS = ["better", "worse", "no-evidence"] as const;

/** What may be said of a candidate beside a reference. */
export type Verdict = (typeof VERDICTS)[number];

/** Tests of paired results: McNemar's for what is right or wrong, the others for losses. */
export const PAIRED_TESTS = ["mcnemar", "permutation", "wilcoxon"] as const;

/** A test of paired results. */
export type PairedTest = (typeof PAIRED_TESTS)[number];

/** One model in a comparison. */
export interface ComparedModel {
  /** Its name. */
  readonly id: string;
  /** Its mean over the paired items. */
  readonly value: number;
  /** Median time of an item. */
  readonly medianLatencyMs: number | null;
  /** Tokens read and generated in a second. */
  readonly tokensPerSecond: number | null;
  /** The most memory that the process held. */
  readonly peakMemoryBytes: number;
}

/** What a comparison found. Speed and memory are told, and decide nothing. */
export interface Comparison {
  /** Name of the task. */
  readonly task: string;
  /** Hash of its items. */
  readonly taskHash: string;
  /** What is compared. */
  readonly metric: string;
  /** Whether more of it is better. */
  readonly higherIsBetter: boolean;
  /** The model that is judged. */
  readonly candidate: ComparedModel;
  /** The model that it is judged by. */
  readonly reference: ComparedModel;
  /** Items with an answer of both. */
  readonly n: number;
  /** Items without. */
  readonly errors: number;
  /** Items at which the candidate is better, worse, and equal. */
  readonly wins: number;
  /** See `wins`. */
  readonly losses: number;
  /** See `wins`. */
  readonly ties: number;
  /** Candidate less reference, in units of the metric. */
  readonly difference: number;
  /** Holds the difference with `confidence`. */
  readonly interval: readonly [low: number, high: number];
  /** Of the interval, and of the verdict: one less the level of the test. */
  readonly confidence: number;
  /** The test. */
  readonly test: PairedTest;
  /** Probability of a difference as large between equal models. */
  readonly pValue: number;
  /** The same, corrected for the comparisons that were made together. */
  readonly correctedPValue: number;
  /** Smaller differences are no evidence, however sure. */
  readonly minimumEffect: number;
  /** The difference that these items show with a probability of 80 %. */
  readonly detectableEffect: number;
  /** What follows. */
  readonly verdict: Verdict;
  /** The verdict with its numbers, in a sentence. */
  readonly summary: string;
}
