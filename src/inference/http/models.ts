/**
 * `/v1/models`, `/health` and `/ready`.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { InferenceService } from "../service.ts";
import { findService, type RouteContext } from "./context.ts";
import { accessResponses, FingerprintSchema, modelResponses } from "./responses.ts";

const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  max_model_len: z.int().openapi({ description: "The most tokens of prompt and text together" }),
  content_hash: FingerprintSchema,
  vocab_size: z.int(),
  device: z.string().openapi({ description: "Where it runs" }),
  has_tokenizer: z.boolean().openapi({ description: "Whether it reads text" }),
  has_chat_template: z.boolean().openapi({ description: "Whether it can chat" }),
  generates: z.boolean().openapi({ description: "Whether it makes texts" }),
  embedding_size: z.int().nullable().openapi({
    description: "Numbers in its embeddings; null if it makes none",
  }),
}).openapi("Model");

const Health = z.object({
  status: z.enum(["ok", "unavailable"]),
  model: z.string(),
  device: z.string(),
  device_reason: z.string(),
}).openapi("Health");

const Ready = z.object({ ready: z.boolean(), model: z.string() }).openapi("Ready");

/** Adds the routes to `app`. */
export function addModelRoutes(app: OpenAPIHono, context: RouteContext): void {
  const { service, embedders, startedAt } = context;
  app.openapi(
    createRoute({
      method: "get",
      path: "/health",
      summary: "Whether the model can answer",
      security: [],
      responses: {
        200: json(Health, "The model can answer"),
        503: json(Health, "The model cannot answer"),
      },
    }),
    (c) => {
      const { id, device, deviceReason } = service.model;
      const facts = { model: id, device, device_reason: deviceReason };
      return service.isAvailable
        ? c.json({ status: "ok" as const, ...facts }, 200)
        : c.json({ status: "unavailable" as const, ...facts }, 503);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/ready",
      summary: "Whether requests may be sent here",
      security: [],
      responses: { 200: json(Ready, "They may"), 503: json(Ready, "Not now") },
    }),
    (c) => {
      const ready = service.isAvailable;
      return ready
        ? c.json({ ready, model: service.model.id }, 200)
        : c.json({ ready, model: service.model.id }, 503);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/models",
      summary: "List the models",
      responses: {
        200: json(
          z.object({ object: z.literal("list"), data: z.array(Model) }).openapi("ModelList"),
          "The models",
        ),
        ...accessResponses,
      },
    }),
    (c) => {
      const data = [service, ...embedders].flatMap((each) =>
        [each.model.id, ...each.model.adapters].map((id) => ({ ...describe(each, startedAt), id }))
      );
      return c.json({ object: "list" as const, data }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/models/{id}",
      summary: "Describe a model",
      request: { params: z.object({ id: z.string() }) },
      responses: { 200: json(Model, "The model"), ...modelResponses },
    }),
    (c) => {
      const { id } = c.req.valid("param");
      return c.json({ ...describe(findService(context, id).service, startedAt), id }, 200);
    },
  );
}

function json<T extends z.ZodType>(schema: T, description: string): {
  description: string;
  content: { "application/json": { schema: T } };
} {
  return { description, content: { "application/json": { schema } } };
}

function describe({ model }: InferenceService, startedAt: number): z.infer<typeof Model> {
  return {
    id: model.id,
    object: "model",
    created: startedAt,
    owned_by: "llm-training",
    max_model_len: model.maxPositions,
    content_hash: model.contentHash,
    vocab_size: model.vocabSize,
    device: model.device,
    has_tokenizer: model.hasTokenizer,
    has_chat_template: model.hasChatTemplate,
    generates: model.generates,
    embedding_size: model.embedding?.size ?? null,
  };
}
