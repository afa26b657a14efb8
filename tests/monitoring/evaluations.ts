/**
 * Evaluations made up for tests.
 *
 * @module
 */

import type { Evaluation, ItemResult } from "../../src/monitoring/evaluation/evaluation.ts";
import { summarize } from "../../src/monitoring/evaluation/summarize.ts";
import type { TaskIdentity } from "../../src/monitoring/evaluation/task.ts";

/** Options of {@linkcode madeUpEvaluation}. */
export interface MadeUpOptions {
  /** Name of the model. */
  readonly id: string;
  /** Whether items are right or wrong, or have a loss. @default {"acc"} */
  readonly metric?: "acc" | "loss";
  /** Hash of the task. @default {"t"} */
  readonly hash?: string;
  /** Items that have no answer. @default {none} */
  readonly errors?: readonly number[];
  /** Time of an item. @default {1} */
  readonly latencyMs?: number;
}

/** Returns an evaluation in which item `i` has the score `scores[i]`. */
export function madeUpEvaluation(scores: readonly number[], options: MadeUpOptions): Evaluation {
  const { id, metric = "acc", hash = "t", errors = [], latencyMs = 1 } = options;
  const isBinary = metric === "acc";
  const task: TaskIdentity = {
    ...{ name: "made up", version: "1", hash, seed: null, source: "test" },
    kind: isBinary ? "multiple_choice" : "loss",
    metrics: [{ name: metric, higherIsBetter: isBinary, isBinary }],
  };
  const results = scores.map((score, index): ItemResult => ({
    ...{ id: `item ${index}`, index, prompt: `question ${index}`, expected: "yes", output: null },
    ...errors.includes(index) ? { outcome: "error", scores: {}, error: "the device is lost" } : {
      outcome: !isBinary ? "scored" : score === 1 ? "correct" : "wrong",
      scores: { [metric]: score },
    },
    ...{ latencyMs, promptTokens: 3, outputTokens: 2 },
  }));
  return {
    task,
    model: { id },
    ...summarize(task, results),
    performance: {
      durationMs: latencyMs * scores.length,
      medianLatencyMs: latencyMs,
      tokensPerSecond: 5000 / latencyMs,
      peakMemoryBytes: 1e6,
    },
    results,
  };
}
