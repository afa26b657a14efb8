/**
 * How a model's answers to clients went, as the metrics of its host tell.
 *
 * @module
 */

/** How requests to a model went. */
export interface AnswerCounts {
  /** Those that were answered, or failed. */
  readonly requests: number;
  /** Those that failed. */
  readonly failed: number;
}

/** A line of Prometheus' text form that counts requests to a model. */
const LINE = /^llm_model_requests_total\{([^}]*)\} (\d+)/gm;

/** Reads how requests to `model` went; `undefined` if `metrics` does not tell of any model. */
export function readAnswerCounts(metrics: string, model: string): AnswerCounts | undefined {
  if (!metrics.includes("llm_model_requests_total")) return undefined;
  let [answered, failed] = [0, 0];
  for (const [, labels = "", count] of metrics.matchAll(LINE)) {
    if (labelOf(labels, "model") !== model) continue;
    const outcome = labelOf(labels, "outcome");
    if (outcome === "answered") answered += Number(count);
    if (outcome === "failed") failed += Number(count);
  }
  return { requests: answered + failed, failed };
}

/** Returns what was counted since `before`; a host that was started anew counts from 0 again. */
export function countedSince(now: AnswerCounts, before: AnswerCounts): AnswerCounts {
  if (now.requests < before.requests || now.failed < before.failed) return now;
  return { requests: now.requests - before.requests, failed: now.failed - before.failed };
}

function labelOf(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];
}
