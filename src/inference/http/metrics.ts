/**
 * `/metrics`: what the server does, for Prometheus.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { InferenceService, ServiceStats } from "../service.ts";
import type { AccessEntry } from "./access_entry.ts";
import { accessResponses } from "./responses.ts";

/** What a server counts. */
export interface ServerMetrics {
  /** Counts a request that was answered. */
  observe(entry: AccessEntry): void;
  /** Adds `/metrics` to `app`. */
  addRoute(app: OpenAPIHono, service: InferenceService): void;
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
  /^\/(health|ready|metrics|docs|openapi\.json|tokenize|detokenize|apply-template)$/,
  /^\/v1\/(models|completions|chat\/completions|responses|embeddings)$/,
];

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
    const options = { name: `llm_${name}`, help, registers };
    return { field: field as keyof ServiceStats, set: setter(options) };
  });
  return {
    observe({ method, path, status, durationMs }) {
      const route = ROUTES.some((one) => one.test(path)) ? path : "other";
      requests.inc({
        method: METHODS.test(method) ? method : "other",
        route,
        status: String(status),
      });
      seconds.observe({ route }, durationMs / 1000);
    },
    addRoute(app, service) {
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
          const { id, contentHash, device } = service.model;
          up.set(
            { model: id, content_hash: contentHash ?? "", device },
            service.isAvailable ? 1 : 0,
          );
          const stats = await service.stats().catch(() => undefined);
          if (stats !== undefined) {
            for (const { field, set } of counts) set(stats[field]);
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
  readonly registers: Registry[];
}

/** What only grows is a counter, though the service counts it; a worker that began again begins at 0. */
function setter(options: MetricOptions): (value: number) => void {
  if (!options.name.endsWith("_total")) {
    const gauge = new Gauge(options);
    return (value) => gauge.set(value);
  }
  const counter = new Counter(options);
  return (value) => {
    counter.reset();
    counter.inc(value);
  };
}
