/**
 * `/v1/models`, `/health` and `/ready`.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ListedName } from "../hosting/directory.ts";
import { defaultService, requireModel, type RouteContext } from "./context.ts";
import { accessResponses, FingerprintSchema, modelResponses } from "./responses.ts";

const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  root: z.string().openapi({ description: "The model that answers: another one for an alias" }),
  max_model_len: z.int().nullable().openapi({
    description: "The most tokens of prompt and text together; null until it is first loaded",
  }),
  content_hash: FingerprintSchema,
  vocab_size: z.int().nullable(),
  device: z.string().nullable().openapi({ description: "Where it runs" }),
  has_tokenizer: z.boolean().nullable().openapi({ description: "Whether it reads text" }),
  has_chat_template: z.boolean().nullable().openapi({ description: "Whether it can chat" }),
  generates: z.boolean().nullable().openapi({ description: "Whether it makes texts" }),
  embedding_size: z.int().nullable().openapi({
    description: "Numbers in its embeddings; null if it makes none",
  }),
}).openapi("Model");

const Health = z.object({
  status: z.enum(["ok", "unavailable"]),
  model: z.string().nullable(),
  device: z.string().nullable(),
  device_reason: z.string().nullable(),
}).openapi("Health");

const Ready = z.object({ ready: z.boolean(), model: z.string().nullable() }).openapi("Ready");

/** Adds the routes to `app`. */
export function addModelRoutes(app: OpenAPIHono, context: RouteContext): void {
  const { models, startedAt } = context;
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
      const service = defaultService(context);
      const { id = null, device = null, deviceReason = null } = service?.model ?? {};
      const facts = { model: id, device, device_reason: deviceReason };
      return service?.isAvailable
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
      const service = defaultService(context);
      const ready = service?.isAvailable ?? false;
      const model = service?.model.id ?? null;
      return ready ? c.json({ ready, model }, 200) : c.json({ ready, model }, 503);
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
      const data = models.listed().map((listed) => describe(listed, startedAt));
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
      requireModel(models, id);
      return c.json(describe(models.listed().find((each) => each.id === id)!, startedAt), 200);
    },
  );
}

function json<T extends z.ZodType>(schema: T, description: string): {
  description: string;
  content: { "application/json": { schema: T } };
} {
  return { description, content: { "application/json": { schema } } };
}

function describe({ id, model, info }: ListedName, startedAt: number): z.infer<typeof Model> {
  return {
    id,
    object: "model",
    created: startedAt,
    owned_by: "llm-training",
    root: model,
    max_model_len: info?.maxPositions ?? null,
    content_hash: info?.contentHash ?? null,
    vocab_size: info?.vocabSize ?? null,
    device: info?.device ?? null,
    has_tokenizer: info?.hasTokenizer ?? null,
    has_chat_template: info?.hasChatTemplate ?? null,
    generates: info?.generates ?? null,
    embedding_size: info?.embedding?.size ?? null,
  };
}
