/**
 * `/admin/aliases`: which models the names of clients point at.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { LiveAlias } from "../hosting/alias.ts";
import { CANARY_DEFAULTS, type SideCounts } from "../hosting/canary.ts";
import { HOST_NAME } from "../hosting/model_spec.ts";
import type { ModelHost } from "../hosting/model_host.ts";
import { adminResponses, json, noContent } from "./admin_responses.ts";

const LatencySchema = z.object({ median: z.number(), p95: z.number() }).nullable().openapi({
  description: "Milliseconds until the answer, or the first of a streamed one, was there",
});

const countFields = {
  requests: z.int(),
  errors: z.int(),
  latency_ms: LatencySchema,
};

const CanarySchema = z.object({
  model: z.string(),
  share: z.number(),
  max_errors: z.int(),
  max_error_rate: z.number(),
  max_latency_ratio: z.number().nullable(),
  min_requests: z.int(),
  state: z.enum(["running", "stopped"]),
  reason: z.string().nullable().openapi({ description: "Why it was stopped" }),
  ...countFields,
  baseline: z.object(countFields).openapi({
    description: "How those went that the alias's model answered meanwhile",
  }),
}).openapi("AdminCanary");

const AliasSchema = z.object({
  alias: z.string(),
  model: z.string(),
  previous: z.string().nullable().openapi({ description: "What it pointed at before" }),
  revision: z.int().openapi({ description: "How often it was changed" }),
  epoch: z.int().openapi({ description: "The highest epoch of those who changed it" }),
  canary: CanarySchema.nullable(),
}).openapi("AdminAlias");

const ChangeSchema = z.strictObject({
  model: z.string().openapi({ description: "The model to point at; it must be loaded" }),
  canary: z.strictObject({
    model: z.string().openapi({ description: "The model on trial; it must be loaded" }),
    share: z.number().min(0).max(1).openapi({ description: "Its share of the requests" }),
    max_errors: z.int().min(0).nullish().openapi({
      description: "Stop it when more of its requests have failed",
      default: CANARY_DEFAULTS.maxErrors,
    }),
    max_error_rate: z.number().min(0).max(1).nullish().openapi({
      description: "Stop it when a larger share of its requests has failed",
      default: CANARY_DEFAULTS.maxErrorRate,
    }),
    max_latency_ratio: z.number().min(0).nullish().openapi({
      description: "Stop it when its median latency passes that of the model by this factor",
      default: CANARY_DEFAULTS.maxLatencyRatio,
    }),
    min_requests: z.int().min(1).nullish().openapi({
      description: "Judge shares and medians after so many requests",
      default: CANARY_DEFAULTS.minRequests,
    }),
  }).nullish().openapi({ description: "A model to try beside it; without one, a trial ends" }),
  expected_revision: z.int().min(0).nullish().openapi({
    description: "The revision that it has now, 0 for a new one; refused if it has another",
  }),
  epoch: z.int().min(0).nullish().openapi({
    description: "Whose turn it is; refused if somebody of a higher epoch has changed it",
  }),
}).refine(({ model, canary }) => model !== canary?.model, {
  message: "it must be another model than that of the alias",
  path: ["canary", "model"],
}).openapi("AdminAliasChange");

const params = z.object({ alias: z.string().openapi({ pattern: HOST_NAME.source }) });

/** Adds the routes to `app`. */
export function addAdminAliasRoutes(app: OpenAPIHono, host: ModelHost): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/admin/aliases",
      summary: "List the aliases",
      responses: {
        200: json(
          z.object({ object: z.literal("list"), data: z.array(AliasSchema) })
            .openapi("AdminAliasList"),
          "The aliases",
        ),
        ...adminResponses(),
      },
    }),
    (c) => c.json({ object: "list" as const, data: host.aliases().map(shown) }, 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/admin/aliases/{alias}",
      summary: "Describe an alias",
      request: { params },
      responses: { 200: json(AliasSchema, "The alias"), ...adminResponses(404) },
    }),
    (c) => c.json(shown(host.alias(c.req.valid("param").alias)), 200),
  );
  app.openapi(
    createRoute({
      method: "put",
      path: "/admin/aliases/{alias}",
      summary: "Point an alias at a model; requests that run end where they are",
      request: { params, body: { required: true, ...json(ChangeSchema, "What it is to be") } },
      responses: {
        200: json(AliasSchema, "What it is now"),
        ...adminResponses(400, 404, 409, 412, 507),
      },
    }),
    async (c) => {
      const { model, canary, expected_revision, epoch } = c.req.valid("json");
      const alias = await host.setAlias(c.req.valid("param").alias, {
        model,
        canary: canary === null || canary === undefined ? null : {
          model: canary.model,
          share: canary.share,
          ...given("maxErrors", canary.max_errors),
          ...given("maxErrorRate", canary.max_error_rate),
          ...given("maxLatencyRatio", canary.max_latency_ratio),
          ...given("minRequests", canary.min_requests),
        },
        expectedRevision: expected_revision ?? undefined,
        epoch: epoch ?? undefined,
      });
      return c.json(shown(alias), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/admin/aliases/{alias}",
      summary: "Remove an alias; its model stays",
      request: {
        params,
        query: z.object({
          expected_revision: z.coerce.number().int().min(0).optional(),
          epoch: z.coerce.number().int().min(0).optional(),
        }),
      },
      responses: { 204: noContent("It is gone"), ...adminResponses(400, 404, 409, 412, 507) },
    }),
    async (c) => {
      const { expected_revision: expectedRevision, epoch } = c.req.valid("query");
      await host.removeAlias(c.req.valid("param").alias, { expectedRevision, epoch });
      return c.body(null, 204);
    },
  );
}

function given<K extends string, T>(key: K, value: T | null | undefined): { [P in K]?: T } {
  return (value === null || value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}

function shown({ record, canary }: LiveAlias): z.infer<typeof AliasSchema> {
  const { alias, model, previous, revision, epoch } = record;
  return {
    alias,
    model,
    previous,
    revision,
    epoch,
    canary: canary === undefined ? null : shownCanary(canary.state),
  };
}

function shownCanary(
  state: NonNullable<LiveAlias["canary"]>["state"],
): z.infer<typeof CanarySchema> {
  return {
    model: state.model,
    share: state.share,
    max_errors: state.maxErrors,
    max_error_rate: state.maxErrorRate,
    max_latency_ratio: state.maxLatencyRatio,
    min_requests: state.minRequests,
    state: state.state,
    reason: state.reason,
    ...counts(state.canary),
    baseline: counts(state.baseline),
  };
}

function counts({ requests, errors, latencyMs }: SideCounts) {
  return { requests, errors, latency_ms: latencyMs };
}
