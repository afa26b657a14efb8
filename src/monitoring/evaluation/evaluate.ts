/**
 * Evaluates a model on a task.
 *
 * @module
 */

import type { Clock } from "../../utils/clock.ts";
import { systemClock } from "../../utils/clock.ts";
import { messageOf } from "../../utils/errors.ts";
import { deriveSeed } from "../../utils/random.ts";
import { askModel } from "./ask_model.ts";
import type { EvaluationModel } from "./evaluation_model.ts";
import type { EvaluatedModel, Evaluation, ItemResult } from "./evaluation.ts";
import { summarize } from "./summarize.ts";
import type { Task, TaskItem } from "./task.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** The model. */
  readonly model: EvaluationModel;
  /** What to say of the model in the result. @default {its name alone} */
  readonly identity?: EvaluatedModel;
  /** Items put to the model at once. @default {16} */
  readonly concurrency?: number;
  /** Seed of draws, where the task draws. @default {0} */
  readonly seed?: number;
  /** Told of each item that is done, in the order in which they are. @default {nobody} */
  readonly onItem?: (result: ItemResult, done: number) => void;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** Reads the memory that the process holds, in bytes. @default {that of Deno} */
  readonly memory?: () => number;
  /** Ends the work with its reason as error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts every item of a task to a model. What fails for a reason that is not in the answer (a prompt that does not fit,
 * a device that is lost) is an error of the item and no wrong answer.
 */
export async function evaluate(task: Task, options: EvaluateOptions): Promise<Evaluation> {
  const { model, identity = { id: model.id }, concurrency = 16, onItem = () => {} } = options;
  const { clock = systemClock, memory = residentBytes, signal } = options;
  const results = new Array<ItemResult>(task.items.length);
  const startedMs = clock();
  let next = 0;
  let done = 0;
  let peakMemoryBytes = memory();
  const work = async () => {
    while (next < task.items.length) {
      const index = next++;
      const result = await evaluateItem(task.items[index]!, index, {
        ...options,
        clock,
        deciding: task.metrics[0]!.name,
      });
      results[index] = result;
      peakMemoryBytes = Math.max(peakMemoryBytes, memory());
      onItem(result, ++done);
    }
  };
  signal?.throwIfAborted();
  await Promise.all(Array.from({ length: Math.min(concurrency, task.items.length) }, work));
  const { items: _, ...identityOfTask } = task;
  return {
    task: identityOfTask,
    model: identity,
    ...summarize(identityOfTask, results),
    performance: performanceOf(results, { durationMs: clock() - startedMs, peakMemoryBytes }),
    results,
  };
}

async function evaluateItem(
  { id, prompt, expected, request }: TaskItem,
  index: number,
  options: EvaluateOptions & { readonly clock: Clock; readonly deciding: string },
): Promise<ItemResult> {
  const { model, seed = 0, signal, clock, deciding } = options;
  const startedMs = clock();
  const item = { id, index, prompt, expected };
  try {
    signal?.throwIfAborted();
    const answer = await askModel(model, request, { seed: deriveSeed(seed, index), signal });
    const { scores, output, logprobs, reason, hitTokenLimit } = answer;
    const isRight = scores[deciding] === 1;
    return {
      ...item,
      outcome: request.kind === "loss"
        ? "scored"
        : isRight
        ? "correct"
        : hitTokenLimit
        ? "token-limit"
        : "wrong",
      scores,
      output,
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(reason === undefined ? {} : { reason }),
      latencyMs: clock() - startedMs,
      promptTokens: answer.promptTokens,
      outputTokens: answer.outputTokens,
    };
  } catch (error) {
    signal?.throwIfAborted();
    return {
      ...item,
      outcome: "error",
      scores: {},
      output: null,
      error: messageOf(error),
      latencyMs: clock() - startedMs,
      promptTokens: 0,
      outputTokens: 0,
    };
  }
}

function performanceOf(
  results: readonly ItemResult[],
  { durationMs, peakMemoryBytes }: {
    readonly durationMs: number;
    readonly peakMemoryBytes: number;
  },
): Evaluation["performance"] {
  const latencies = results.filter(({ outcome }) => outcome !== "error")
    .map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const tokens = results.reduce((sum, each) => sum + each.promptTokens + each.outputTokens, 0);
  return {
    durationMs,
    medianLatencyMs: latencies[Math.floor(latencies.length / 2)] ?? null,
    tokensPerSecond: durationMs > 0 ? 1000 * tokens / durationMs : null,
    peakMemoryBytes,
  };
}

function residentBytes(): number {
  return Deno.memoryUsage().rss;
}
