/**
 * What models answer, for Prometheus: by model, where the counts of routes are by path.
 *
 * @module
 */

import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ModelDirectory } from "../hosting/directory.ts";

/** How a request to a model ended: `left` is by its client. */
export const ANSWER_OUTCOMES = ["answered", "refused", "failed", "left"] as const;

/** A request to a model that has ended. */
export interface AnswerEntry {
  /** The model. */
  readonly model: string;
  /** How it ended. */
  readonly outcome: (typeof ANSWER_OUTCOMES)[number];
  /** Time until the first piece was there, if it came to that. */
  readonly firstMs?: number;
  /** Time until it ended. */
  readonly durationMs: number;
}

/** Counts what models answer. */
export interface AnswerMetrics {
  /** Counts a request. */
  observe(entry: AnswerEntry): void;
  /** Takes note of where aliases point, and how canaries do. */
  look(models: ModelDirectory): void;
}

const BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

/** Creates the counters, which begin at 0. */
export function createAnswerMetrics(registers: Registry[]): AnswerMetrics {
  const answers = new Counter({
    name: "llm_model_requests_total",
    help: "Requests that were given to a model, by how they ended",
    labelNames: ["model", "outcome"],
    registers,
  });
  const first = new Histogram({
    name: "llm_model_first_piece_seconds",
    help: "Time until the first piece of an answer was there",
    labelNames: ["model"],
    buckets: BUCKETS,
    registers,
  });
  const whole = new Histogram({
    name: "llm_model_answer_seconds",
    help: "Time until an answer was whole",
    labelNames: ["model"],
    buckets: BUCKETS,
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const revisions = gauge("llm_alias_revision", "How often an alias was changed", [
    "alias",
    "model",
  ]);
  const sides = ["alias", "model", "side"];
  const running = gauge("llm_canary_running", "1 while a canary gets requests", ["alias", "model"]);
  const requests = gauge("llm_canary_requests", "Requests since a canary began", sides);
  const errors = gauge("llm_canary_errors", "Of these, requests that failed", sides);
  return {
    observe({ model, outcome, firstMs, durationMs }) {
      answers.inc({ model, outcome });
      if (firstMs !== undefined) first.observe({ model }, firstMs / 1000);
      if (outcome === "answered") whole.observe({ model }, durationMs / 1000);
    },
    look(models) {
      for (const each of [revisions, running, requests, errors]) each.reset();
      for (const { record: { alias, model, revision }, canary } of models.aliases()) {
        revisions.set({ alias, model }, revision);
        if (canary === undefined) continue;
        const { state } = canary;
        running.set({ alias, model: state.model }, canary.isRunning ? 1 : 0);
        for (const side of ["canary", "baseline"] as const) {
          const labels = { alias, model: side === "canary" ? state.model : model, side };
          requests.set(labels, state[side].requests);
          errors.set(labels, state[side].errors);
        }
      }
    },
  };
}
