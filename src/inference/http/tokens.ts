/**
 * `/tokenize`, `/detokenize` and `/apply-template`: prompts as the model reads them.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Prompt } from "../service.ts";
import { toApiError } from "./api_error.ts";
import { chatPrompt, chatPromptFields } from "./chat_prompt.ts";
import { requireModel, type RouteContext } from "./context.ts";
import { completionResponses } from "./responses.ts";

const model = z.string().nullish().openapi({
  description: "Name of the model, as /v1/models lists it; without it the one that is served",
});

const TokenizeSchema = z.object({
  model,
  prompt: z.string().nullish().openapi({ description: "A text" }),
  ...chatPromptFields,
  messages: chatPromptFields.messages.nullish().openapi({ description: "Or a conversation" }),
  add_special_tokens: z.boolean().nullish().openapi({
    description: "Add what the tokenizer puts around a text",
    default: true,
  }),
  return_token_strs: z.boolean().nullish().openapi({ description: "Add the text of each token" }),
}).refine(({ prompt, messages }) => (typeof prompt === "string") !== Array.isArray(messages), {
  message: 'give either "prompt" or "messages"',
}).openapi("TokenizeRequest");

const TokensSchema = z.object({
  model: z.string(),
  tokens: z.array(z.int()),
  count: z.int(),
  max_model_len: z.int(),
  token_strs: z.array(z.string()).optional(),
}).openapi("TokenizeResponse");

const DetokenizeSchema = z.object({
  model,
  tokens: z.array(z.int().min(0)),
}).openapi("DetokenizeRequest");

const TemplateSchema = z.object({ model, ...chatPromptFields }).openapi("ApplyTemplateRequest");

const TextSchema = z.object({ model: z.string(), prompt: z.string() }).openapi("PromptText");

const RenderedSchema = TextSchema.extend({ tokens: z.array(z.int()) }).openapi("RenderedPrompt");

/** Adds the routes to `app`. */
export function addTokenRoutes(app: OpenAPIHono, context: RouteContext): void {
  const { models } = context;
  const encode = async (
    name: string | null | undefined,
    prompt: Prompt,
    options: { readonly field: string; readonly addSpecialTokens?: boolean },
  ) => {
    const { model, adapter } = requireModel(models, name);
    const { addSpecialTokens = true, field } = options;
    try {
      using lease = await models.use(model);
      const { service } = lease;
      const encoded = await service.encode(prompt, { addSpecialTokens });
      return { ...encoded, model: adapter ?? model, maxPositions: service.model.maxPositions };
    } catch (error) {
      throw toApiError(error, { promptField: field });
    }
  };

  app.openapi(
    describe(
      "/tokenize",
      "Turn a text or a conversation into tokens",
      TokenizeSchema,
      TokensSchema,
    ),
    async (c) => {
      const body = c.req.valid("json");
      const isText = typeof body.prompt === "string";
      const prompt: Prompt = isText
        ? { kind: "text", text: body.prompt! }
        : chatPrompt({ ...body, messages: body.messages! });
      const { model, tokens, maxPositions } = await encode(body.model, prompt, {
        field: isText ? "prompt" : "messages",
        addSpecialTokens: body.add_special_tokens ?? true,
      });
      return c.json({
        model,
        tokens: tokens.map(({ id }) => id),
        count: tokens.length,
        max_model_len: maxPositions,
        ...(body.return_token_strs ? { token_strs: tokens.map(({ text }) => text) } : {}),
      }, 200);
    },
  );
  app.openapi(
    describe("/detokenize", "Turn tokens into text", DetokenizeSchema, TextSchema),
    async (c) => {
      const body = c.req.valid("json");
      const { model, text } = await encode(body.model, { kind: "ids", ids: body.tokens }, {
        field: "tokens",
      });
      return c.json({ model, prompt: text }, 200);
    },
  );
  app.openapi(
    describe("/apply-template", "Render a conversation", TemplateSchema, RenderedSchema),
    async (c) => {
      const body = c.req.valid("json");
      const { model, text, ids } = await encode(body.model, chatPrompt(body), {
        field: "messages",
      });
      return c.json({ model, prompt: text, tokens: [...ids] }, 200);
    },
  );
}

function describe<P extends string, B extends z.ZodType, A extends z.ZodType>(
  path: P,
  summary: string,
  body: B,
  answer: A,
) {
  return createRoute({
    method: "post",
    path,
    summary,
    request: { body: { required: true, content: { "application/json": { schema: body } } } },
    responses: {
      200: { description: "The answer", content: { "application/json": { schema: answer } } },
      ...completionResponses,
    },
  });
}
