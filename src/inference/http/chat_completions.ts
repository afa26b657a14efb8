/**
 * `/v1/chat/completions`: the assistant's next turn.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Completion, CompletionRequest, LikelyToken, TextToken } from "../service.ts";
import { ApiError } from "./api_error.ts";
import { chatPrompt, chatPromptFields } from "./chat_prompt.ts";
import { createChatChoice } from "./chat_choice.ts";
import { collectChoices, usageOf } from "./choices.ts";
import { accept } from "./accept.ts";
import type { RouteContext } from "./context.ts";
import { eventStream } from "./event_stream.ts";
import { generationFields, refuseUnsupported, toServiceRequest } from "./generation_fields.ts";
import {
  ChatFinishReasonSchema,
  completionResponses,
  ErrorSchema,
  FingerprintSchema,
  StreamEventSchema,
  UsageSchema,
} from "./responses.ts";
import { ToolCallSchema, toolFields, type ToolUse, toolUseOf } from "./tool_fields.ts";

const RequestSchema = z.object({
  ...generationFields,
  ...chatPromptFields,
  ...toolFields,
  max_tokens: z.int().min(1).nullish().openapi({
    description: "The most tokens of each choice; without it the context is the limit",
  }),
  max_completion_tokens: z.int().min(1).nullish().openapi({
    description: "The newer name of max_tokens",
  }),
  logprobs: z.boolean().nullish().openapi({ description: "Report log-probabilities" }),
  top_logprobs: z.int().min(0).max(20).nullish().openapi({
    description: "Report this many of the likeliest tokens",
  }),
}).openapi("ChatCompletionRequest");

const LogprobSchema = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int()).nullable(),
});

const LogprobsSchema = z.object({
  content: z.array(LogprobSchema.extend({ top_logprobs: z.array(LogprobSchema) })),
  refusal: z.null(),
}).openapi("ChatLogprobs");

const AnswerSchema = z.object({
  role: z.literal("assistant").optional(),
  content: z.string().nullish(),
  refusal: z.null().optional(),
  tool_calls: z.array(ToolCallSchema).optional(),
});

const DeltaSchema = AnswerSchema.extend({
  tool_calls: z.array(ToolCallSchema.extend({ index: z.int() })).optional(),
});

const choiceFields = {
  index: z.int(),
  logprobs: LogprobsSchema.nullable(),
  finish_reason: ChatFinishReasonSchema.nullable(),
  token_ids: z.array(z.int()).optional(),
};

const responseFields = {
  id: z.string(),
  created: z.int(),
  model: z.string(),
  system_fingerprint: FingerprintSchema,
};

const ResponseSchema = z.object({
  ...responseFields,
  object: z.literal("chat.completion"),
  choices: z.array(z.object({ ...choiceFields, message: AnswerSchema })),
  usage: UsageSchema,
  prompt_token_ids: z.array(z.int()).optional(),
}).openapi("ChatCompletion");

const ChunkSchema = z.object({
  ...responseFields,
  object: z.literal("chat.completion.chunk"),
  choices: z.array(z.object({ ...choiceFields, delta: DeltaSchema })),
  usage: UsageSchema.nullish(),
}).openapi("ChatCompletionChunk");

type Body = z.infer<typeof RequestSchema>;
type Chunk = z.infer<typeof ChunkSchema>;
type Head = Pick<Chunk, "id" | "created" | "model" | "system_fingerprint">;

/** Adds the route to `app`. */
export function addChatCompletionRoute(app: OpenAPIHono, context: RouteContext): void {
  const route = createRoute({
    method: "post",
    path: "/v1/chat/completions",
    summary: "Give the assistant's next turn",
    request: {
      body: { required: true, content: { "application/json": { schema: RequestSchema } } },
    },
    responses: {
      200: {
        description: "The choices; with `stream` each event is a piece of one",
        content: {
          "application/json": { schema: ResponseSchema },
          "text/event-stream": { schema: z.union([StreamEventSchema, ChunkSchema, ErrorSchema]) },
        },
      },
      ...completionResponses,
    },
  });
  app.openapi(route, async (c): Promise<Response> => {
    refuseUnsupported(await c.req.json());
    const body = c.req.valid("json");
    const { completion, model, name, cancel } = await accept(
      context,
      (model) => serviceRequest(body, toolUseOf(body, model)),
      {
        promptField: "messages",
        model: body.model,
        isStreamed: body.stream ?? false,
        signal: c.req.raw.signal,
      },
    );
    const use = toolUseOf(body, model);
    const head = {
      id: `chatcmpl-${crypto.randomUUID()}`,
      created: Math.floor(context.clock() / 1000),
      model: name,
      system_fingerprint: model.contentHash,
    };
    if (body.stream) {
      return eventStream(streamed(completion, { body, head, use }), {
        onLeave: cancel,
        onError: context.onError,
      });
    }
    return Response.json(await whole(completion, { body, head, use }));
  });
}

function serviceRequest(body: Body, use: ToolUse | undefined): CompletionRequest {
  const { max_completion_tokens, max_tokens, logprobs, top_logprobs } = body;
  if (typeof top_logprobs === "number" && !logprobs) {
    throw new ApiError(400, 'Cannot use "top_logprobs" unless "logprobs" is true', {
      param: "top_logprobs",
      code: "invalid_value",
    });
  }
  const maxTokens = max_completion_tokens ?? max_tokens ?? undefined;
  const request = toServiceRequest(body);
  if (use?.constraint !== undefined && request.constraint !== undefined) {
    throw new ApiError(400, 'Cannot hold the text to "response_format" and to a call of "tools"', {
      param: "tool_choice",
      code: "invalid_value",
    });
  }
  return {
    ...request,
    ...(use?.constraint === undefined ? {} : { constraint: use.constraint }),
    prompts: [chatPrompt(body, use)],
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(logprobs ? { topLogprobs: top_logprobs ?? 0 } : {}),
  };
}

/** What an answer is made from. */
interface AnswerContext {
  readonly body: Body;
  readonly head: Head;
  readonly use: ToolUse | undefined;
}

async function whole(
  completion: Completion,
  { body, head, use }: AnswerContext,
): Promise<z.infer<typeof ResponseSchema>> {
  const choices = await collectChoices(completion, body.n ?? 1);
  const generated = choices.reduce((sum, choice) => sum + choice.generatedTokens, 0);
  return {
    ...head,
    object: "chat.completion",
    choices: choices.map(({ index, text, tokens, reason }) => {
      const choice = createChatChoice(use);
      const pieces = [choice.push(text), choice.end()];
      const said = pieces.map((piece) => piece.text).join("");
      const calls = pieces.flatMap((piece) => piece.calls.map(({ index: _, ...call }) => call));
      return {
        index,
        message: {
          role: "assistant",
          content: calls.length > 0 && said === "" ? null : said,
          refusal: null,
          ...(calls.length > 0 ? { tool_calls: calls } : {}),
        },
        logprobs: logprobsOf(tokens, body),
        finish_reason: choice.reason(reason),
        ...(body.return_token_ids ? { token_ids: tokens.map(({ id }) => id) } : {}),
      };
    }),
    usage: usageOf(completion, generated),
    ...(body.return_token_ids ? { prompt_token_ids: [...completion.prompts[0]!.ids] } : {}),
  };
}

async function* streamed(
  completion: Completion,
  { body, head, use }: AnswerContext,
): AsyncGenerator<Chunk, void, void> {
  const includesUsage = body.stream_options?.include_usage ?? false;
  const chunk = (choice: Chunk["choices"][number]): Chunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [choice],
    ...(includesUsage ? { usage: null } : {}),
  });
  const choices = Array.from({ length: body.n ?? 1 }, () => createChatChoice(use));
  for (const index of choices.keys()) {
    const delta = { role: "assistant" as const, content: "", refusal: null };
    yield chunk({ index, delta, logprobs: null, finish_reason: null });
  }
  let generated = 0;
  for await (const event of completion.events) {
    if (event.type === "prompt") continue;
    const { index } = event;
    const choice = choices[index]!;
    const { text, calls } = event.type === "end" ? choice.end() : choice.push(event.text);
    const tokens = event.type === "end" ? [] : event.tokens;
    const showsTokens = tokens.length > 0 &&
      (use === undefined || body.logprobs || body.return_token_ids);
    if (text !== "" || calls.length > 0 || showsTokens) {
      yield chunk({
        index,
        delta: {
          ...(calls.length > 0 && text === "" ? {} : { content: text }),
          ...(calls.length > 0 ? { tool_calls: [...calls] } : {}),
        },
        logprobs: logprobsOf(tokens, body),
        finish_reason: null,
        ...(body.return_token_ids ? { token_ids: tokens.map(({ id }) => id) } : {}),
      });
    }
    if (event.type === "end") {
      generated += event.generatedTokens;
      yield chunk({ index, delta: {}, logprobs: null, finish_reason: choice.reason(event.reason) });
    }
  }
  if (includesUsage) {
    const usage = usageOf(completion, generated);
    yield { ...head, object: "chat.completion.chunk", choices: [], usage };
  }
}

function logprobsOf(
  tokens: readonly TextToken[],
  body: Body,
): z.infer<typeof LogprobsSchema> | null {
  if (!body.logprobs) return null;
  return {
    content: tokens.map((token) => ({
      ...logprobOf({ ...token, logprob: token.logprob ?? 0 }),
      top_logprobs: (token.top ?? []).map(logprobOf),
    })),
    refusal: null,
  };
}

function logprobOf({ id, text, logprob }: LikelyToken): z.infer<typeof LogprobSchema> {
  const hasText = text !== `token_id:${id}`;
  return { token: text, logprob, bytes: hasText ? [...new TextEncoder().encode(text)] : null };
}
