/**
 * `/metrics`: what the server does, for Prometheus.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ModelDirectory } from "../hosting/directory.ts";
import type { ServiceStats } from "../service.ts";
import type { AccessEntry } from "./access_entry.ts";
import { type AnswerEntry, createAnswerMetrics } from "./answer_metrics.ts";
import { accessResponses } from "./responses.ts";

/** What a server counts. */
export interface ServerMetrics {
  /** Counts a request that was answered. */
  observe(entry: AccessEntry): void;
  /** Counts a request to a model. */
  observeAnswer(entry: AnswerEntry): void;
  /** Adds `/metrics` to `app`. */
  addRoute(app: OpenAPIHono, models: ModelDirectory): void;
}

/** What of a service's counts is shown, as what. */
const COUNTS: Readonly<Record<keyof ServiceStats, readonly [name: string, help: string]>> = {
  waiting: ["sequences_waiting", "Sequences that wait for their turn"],
  running: ["sequences_running", "Sequences that are generated"],
  promptTokens: ["prompt_tokens_total", "Tokens of prompts"],
  cachedTokens: ["cached_prompt_tokens_total", "Tokens of prompts found in the prefix cache"],
  generatedTokens: ["generated_tokens_total", "Tokens generated"],
  draftTokens: ["draft_tokens_total", "Tokens guessed"],
  acceptedTokens: ["accepted_draft_tokens_total", "Guessed tokens that were right"],
  preemptions: ["preemptions_total", "Sequences that had to begin again"],
  cacheBytes: ["cache_bytes", "Bytes of keys and values of running sequences"],
  prefixBytes: ["prefix_cache_bytes", "Bytes of keys and values in the prefix cache"],
};

const METHODS = /^(GET|POST|PUT|DELETE|HEAD|OPTIONS)$/;

/** Paths that are a label of their own; any other is "other", or whoever calls them could fill the memory. */
const ROUTES: readonly RegExp[] = [
  /^\/admin\/(models|aliases|pulls)$/,
  /^\/(health|ready|metrics|docs|openapi\.json|tokenize|detokenize|apply-template)$/,
  /^\/v1\/(models|completions|chat\/completions|responses|embeddings)$/,
];

/** Paths that end in the name of something, which is no part of the label. */
const NAMING_ROUTE = /^(\/admin\/(?:models|aliases|pulls)\/|\/v1\/models\/)./;

/** Creates a server's counters, which begin at 0. */
export function createMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "llm_requests_total",
    help: "Requests that were answered",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "llm_request_seconds",
    help: "Time until the answer, or the first of a streamed one, was there",
    labelNames: ["route"],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers,
  });
  const up = new Gauge({
    name: "llm_model_available",
    help: "1 while the model can answer",
    labelNames: ["model", "content_hash", "device"],
    registers,
  });
  const counts = Object.entries(COUNTS).map(([field, [name, help]]) => {
    const options = { name: `llm_${name}`, help, labelNames: ["model"], registers };
    return { field: field as keyof ServiceStats, ...metric(options) };
  });
  const answers = createAnswerMetrics(registers);
  return {
    observeAnswer: (entry) => answers.observe(entry),
    observe({ method, path, status, durationMs }) {
      const route = ROUTES.some((one) => one.test(path))
        ? path
        : NAMING_ROUTE.exec(path)?.[1] ?? "other";
      requests.inc({
        method: METHODS.test(method) ? method : "other",
        route,
        status: String(status),
      });
      seconds.observe({ route }, durationMs / 1000);
    },
    addRoute(app, models) {
      app.openapi(
        createRoute({
          method: "get",
          path: "/metrics",
          summary: "Counters for Prometheus",
          responses: {
            200: { description: "The counters", content: { "text/plain": { schema: z.string() } } },
            ...accessResponses,
          },
        }),
        async (c) => {
          const counted = await Promise.all(
            models.counted().map(async (model) => ({
              ...model,
              stats: await model.service?.stats().catch(() => undefined),
            })),
          );
          answers.look(models);
          up.reset();
          for (const { reset } of counts) reset();
          for (const { name: model, state, info, stats } of counted) {
            const { contentHash, device = "" } = info ?? {};
            const labels = { model, content_hash: contentHash ?? "", device };
            up.set(labels, state === "loaded" ? 1 : 0);
            if (stats === undefined) continue;
            for (const { field, set } of counts) set({ model }, stats[field]);
          }
          return c.text(await registry.metrics(), 200, { "content-type": registry.contentType });
        },
      );
    },
  };
}

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

/** A number for each model. */
interface Metric {
  /** Forgets all models. */
  reset(): void;
  /** Sets a model's number. */
  set(labels: { readonly model: string }, value: number): void;
}

/** What only grows is a counter, though the service counts it; a worker that began again begins at 0. */
function metric(options: MetricOptions): Metric {
  if (!options.name.endsWith("_total")) {
    const gauge = new Gauge(options);
    return { reset: () => gauge.reset(), set: (labels, value) => gauge.set(labels, value) };
  }
  const counter = new Counter(options);
  return { reset: () => counter.reset(), set: (labels, value) => counter.inc(labels, value) };
}
