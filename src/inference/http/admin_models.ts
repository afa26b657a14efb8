/**
 * `/admin/models`: which models a server has.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { WEIGHT_WISHES } from "../generation/weight_types.ts";
import { HOST_NAME } from "../hosting/model_spec.ts";
import type { HostedModel } from "../hosting/host_options.ts";
import type { ModelHost } from "../hosting/model_host.ts";
import { MODEL_STATES } from "../model_pool.ts";
import { adminResponses, json, noContent } from "./admin_responses.ts";
import { DEVICES } from "../../engine/runtime/session.ts";

const NAME = z.string().openapi({
  description: "Its name",
  example: "run-7-step-1000",
  pattern: HOST_NAME.source,
});

const HASH = z.string().regex(/^[0-9a-f]{64}$/, "it must be 64 hexadecimal digits");

const ModelSchema = z.object({
  name: NAME,
  folder: z.string().openapi({ description: "Where it lies" }),
  adapter: z.string().nullable().openapi({ description: "The adapter that is put on it" }),
  state: z.enum(MODEL_STATES),
  error: z.string().nullable().openapi({ description: "Why it cannot answer" }),
  content_hash: z.string().nullable().openapi({ description: "SHA-256 of its files" }),
  bytes: z.number().nullable().openapi({ description: "About how much memory it takes" }),
  weights: z.string().openapi({ description: "The form in which its weights are held" }),
  max_context: z.int().nullable().openapi({ description: "The most tokens; null until loaded" }),
  device: z.enum(DEVICES).nullable().openapi({ description: "Where it runs; null until loaded" }),
  is_pinned: z.boolean().openapi({ description: "Whether it is never given up for others" }),
}).openapi("AdminModel");

const LoadSchema = z.strictObject({
  name: NAME,
  folder: z.string().min(1).openapi({ description: "Its folder, in the model root" }),
  adapter: z.string().min(1).nullish().openapi({
    description: "Folder of an adapter to put on it, in the model root too",
  }),
  weights: z.enum(WEIGHT_WISHES).nullish().openapi({
    description: "The form in which its weights are held; else as the server has it",
  }),
  max_context: z.int().min(1).nullish().openapi({
    description: "The most tokens of prompt and text together; else the model's own",
  }),
  content_hash: HASH.nullish().openapi({ description: "The SHA-256 that its files must have" }),
}).openapi("AdminLoad");

const params = z.object({ name: z.string() });

/** Adds the routes to `app`. */
export function addAdminModelRoutes(app: OpenAPIHono, host: ModelHost): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/admin/models",
      summary: "List the models that the server has",
      responses: {
        200: json(
          z.object({ object: z.literal("list"), data: z.array(ModelSchema) })
            .openapi("AdminModelList"),
          "The models",
        ),
        ...adminResponses(),
      },
    }),
    (c) => c.json({ object: "list" as const, data: host.models().map(shown) }, 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/admin/models",
      summary: "Load a model beside those that run",
      request: { body: { required: true, ...json(LoadSchema, "The model") } },
      responses: {
        200: json(ModelSchema, "It was there already"),
        201: json(ModelSchema, "It can answer"),
        ...adminResponses(400, 409, 422, 507),
      },
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { model, isNew } = await host.load({
        name: body.name,
        folder: body.folder,
        adapter: body.adapter ?? undefined,
        weights: body.weights ?? undefined,
        maxContext: body.max_context ?? undefined,
        contentHash: body.content_hash ?? undefined,
      });
      return isNew ? c.json(shown(model), 201) : c.json(shown(model), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/admin/models/{name}",
      summary: "Describe a model",
      request: { params },
      responses: { 200: json(ModelSchema, "The model"), ...adminResponses(404) },
    }),
    (c) => c.json(shown(host.model(c.req.valid("param").name)), 200),
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/admin/models/{name}",
      summary: "Take a model away, after its requests have been answered",
      request: {
        params,
        query: z.object({
          files: z.enum(["true", "false"]).optional().openapi({
            description: "Remove its folder too, which must lie in the model root",
          }),
        }),
      },
      responses: { 204: noContent("It is gone"), ...adminResponses(400, 404, 409, 507) },
    }),
    async (c) => {
      const removesFiles = c.req.valid("query").files === "true";
      await host.remove(c.req.valid("param").name, { removesFiles });
      return c.body(null, 204);
    },
  );
}

function shown(model: HostedModel): z.infer<typeof ModelSchema> {
  const { load, info } = model;
  return {
    name: model.name,
    folder: load.folder,
    adapter: load.adapter ?? null,
    state: model.state,
    error: model.error ?? null,
    content_hash: info?.contentHash ?? load.contentHash ?? null,
    bytes: model.bytes === undefined ? null : Math.round(model.bytes),
    weights: info?.weightType ?? load.weights ?? "f32",
    max_context: info?.maxPositions ?? null,
    device: info?.device ?? null,
    is_pinned: model.isPinned,
  };
}
