/**
 * `/v1/embeddings`: texts as vectors.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { unitVector } from "../generation/pooling.ts";
import type { ModelLease } from "../model_pool.ts";
import type { Embedding, EmbeddingInfo, InferenceService, Prompt } from "../service.ts";
import { ApiError, toApiError } from "./api_error.ts";
import { requireModel, type RouteContext } from "./context.ts";
import { completionResponses, FingerprintSchema } from "./responses.ts";

/** As many as OpenAI takes. */
const MAX_INPUTS = 2048;

const ids = z.array(z.int().min(0)).min(1);

const RequestSchema = z.object({
  model: z.string().openapi({ description: "Name of the model, as /v1/models lists it" }),
  input: z.union([
    z.string(),
    ids,
    z.array(z.string()).min(1).max(MAX_INPUTS),
    z.array(ids).min(1).max(MAX_INPUTS),
  ]).openapi({ description: "A text, token ids, or an array of either" }),
  encoding_format: z.enum(["float", "base64"]).nullish().openapi({
    description: "How vectors are written: numbers, or 32-bit floats, little-endian, in Base64",
    default: "float",
  }),
  dimensions: z.int().min(1).nullish().openapi({
    description: "Return so many numbers of each vector, whose length is made 1 again",
  }),
  user: z.string().nullish().openapi({ description: "Taken and not used" }),
}).openapi("EmbeddingRequest");

const ResponseSchema = z.object({
  object: z.literal("list"),
  data: z.array(z.object({
    object: z.literal("embedding"),
    index: z.int(),
    embedding: z.union([z.array(z.number()), z.string()]),
  })),
  model: z.string(),
  system_fingerprint: FingerprintSchema,
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
}).openapi("EmbeddingList");

type Body = z.infer<typeof RequestSchema>;
type EncodingFormat = NonNullable<Body["encoding_format"]>;

/** Adds the route to `app`. */
export function addEmbeddingRoute(app: OpenAPIHono, context: RouteContext): void {
  const route = createRoute({
    method: "post",
    path: "/v1/embeddings",
    summary: "Turn texts into vectors",
    request: {
      body: { required: true, content: { "application/json": { schema: RequestSchema } } },
    },
    responses: {
      200: {
        description: "The vectors, each of length 1",
        content: { "application/json": { schema: ResponseSchema } },
      },
      ...completionResponses,
    },
  });
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    const { model, adapter } = requireModel(context.models, body.model);
    using lease = await use(context, model);
    const { service } = lease;
    const { embedding: info, contentHash } = service.model;
    if (info !== null) checkDimensions(body, info);
    const inputs = promptsOf(body.input);
    const embeddings = await embed(service, {
      request: { inputs, ...(adapter === undefined ? {} : { adapter }) },
      signal: c.req.raw.signal,
    });
    const write = WRITERS[body.encoding_format ?? "float"];
    const tokens = embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
    return c.json({
      object: "list" as const,
      data: embeddings.map(({ vector }, index) => ({
        object: "embedding" as const,
        index,
        embedding: write(cut(vector, body.dimensions ?? vector.length)),
      })),
      model: adapter ?? model,
      system_fingerprint: contentHash,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }, 200);
  });
}

async function use({ models }: RouteContext, model: string): Promise<ModelLease> {
  try {
    return await models.use(model);
  } catch (error) {
    throw toApiError(error);
  }
}

/** How a vector is written. */
const WRITERS: Readonly<Record<EncodingFormat, (vector: Float32Array) => number[] | string>> = {
  float: (vector) => [...vector],
  base64: (vector) => {
    const bytes = new DataView(new ArrayBuffer(4 * vector.length));
    for (const [i, x] of vector.entries()) bytes.setFloat32(4 * i, x, true);
    return new Uint8Array(bytes.buffer).toBase64();
  },
};

function cut(vector: Float32Array, dimensions: number): Float32Array {
  return dimensions === vector.length ? vector : unitVector(vector.subarray(0, dimensions));
}

function checkDimensions({ dimensions, model }: Body, { size }: EmbeddingInfo): void {
  if (dimensions === null || dimensions === undefined || dimensions <= size) return;
  throw new ApiError(
    400,
    `Cannot return ${dimensions} dimensions: the vectors of the model "${model}" have ${size}`,
    { param: "dimensions", code: "invalid_value" },
  );
}

async function embed(
  service: InferenceService,
  { request, signal }: {
    readonly request: Parameters<InferenceService["embed"]>[0];
    readonly signal: AbortSignal;
  },
): Promise<readonly Embedding[]> {
  try {
    return await service.embed(request, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw toApiError(error, { promptField: "input" });
  }
}

function promptsOf(input: Body["input"]): readonly Prompt[] {
  const promptOf = (one: string | readonly number[]): Prompt =>
    typeof one === "string" ? { kind: "text", text: one } : { kind: "ids", ids: one };
  if (typeof input === "string" || isIds(input)) return [promptOf(input)];
  return input.map(promptOf);
}

function isIds(input: readonly unknown[]): input is readonly number[] {
  return typeof input[0] === "number";
}
