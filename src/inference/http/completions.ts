/**
 * `/v1/completions`: text that goes on from a prompt.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type {
  Completion,
  CompletionEvent,
  CompletionRequest,
  Prompt,
  TextToken,
} from "../service.ts";
import { ApiError } from "./api_error.ts";
import { collectChoices, usageOf } from "./choices.ts";
import { accept } from "./accept.ts";
import type { RouteContext } from "./context.ts";
import { eventStream } from "./event_stream.ts";
import { generationFields, refuseUnsupported, toServiceRequest } from "./generation_fields.ts";
import {
  completionResponses,
  ErrorSchema,
  FingerprintSchema,
  FinishReasonSchema,
  StreamEventSchema,
  UsageSchema,
} from "./responses.ts";

/** OpenAI's default. */
const DEFAULT_MAX_TOKENS = 16;

const MAX_PROMPTS = 2048;

/** The most choices for all prompts of a request. */
const MAX_SEQUENCES = 4096;

const ids = z.array(z.int().min(0)).min(1);

const RequestSchema = z.object({
  ...generationFields,
  prompt: z.union([
    z.string(),
    ids,
    z.array(z.string()).min(1).max(MAX_PROMPTS),
    z.array(ids).min(1).max(MAX_PROMPTS),
  ]).openapi({ description: "A text, token ids, or an array of either" }),
  max_tokens: z.int().min(0).nullish().openapi({
    description: "The most tokens of each choice; 0 with echo and logprobs scores the prompt",
    default: DEFAULT_MAX_TOKENS,
  }),
  echo: z.boolean().nullish().openapi({ description: "Begin with the prompt" }),
  logprobs: z.int().min(0).max(100).nullish().openapi({
    description: "Report log-probabilities, and this many of the likeliest tokens",
  }),
}).openapi("CompletionRequest");

const LogprobsSchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  text_offset: z.array(z.int()),
}).openapi("CompletionLogprobs");

const ResponseSchema = z.object({
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int(),
  model: z.string(),
  system_fingerprint: FingerprintSchema,
  choices: z.array(z.object({
    index: z.int(),
    text: z.string(),
    logprobs: LogprobsSchema.nullable(),
    finish_reason: FinishReasonSchema.nullable(),
    token_ids: z.array(z.int()).optional(),
    prompt_token_ids: z.array(z.int()).optional(),
  })),
  usage: UsageSchema.nullish(),
}).openapi("Completion");

type Body = z.infer<typeof RequestSchema>;
type Response_ = z.infer<typeof ResponseSchema>;
type Logprobs = z.infer<typeof LogprobsSchema>;

/** Adds the route to `app`. */
export function addCompletionRoute(app: OpenAPIHono, context: RouteContext): void {
  const route = createRoute({
    method: "post",
    path: "/v1/completions",
    summary: "Go on from a prompt",
    request: {
      body: { required: true, content: { "application/json": { schema: RequestSchema } } },
    },
    responses: {
      200: {
        description: "The choices; with `stream` each event is a piece of one",
        content: {
          "application/json": { schema: ResponseSchema },
          "text/event-stream": {
            schema: z.union([StreamEventSchema, ResponseSchema, ErrorSchema]),
          },
        },
      },
      ...completionResponses,
    },
  });
  app.openapi(route, async (c): Promise<Response> => {
    refuseUnsupported(await c.req.json());
    const body = c.req.valid("json");
    const request = serviceRequest(body);
    const { completion, model, name, cancel } = await accept(context, () => request, {
      promptField: "prompt",
      model: body.model,
      isStreamed: body.stream ?? false,
      signal: c.req.raw.signal,
    });
    const head = {
      id: `cmpl-${crypto.randomUUID()}`,
      object: "text_completion" as const,
      created: Math.floor(context.clock() / 1000),
      model: name,
      system_fingerprint: model.contentHash,
    };
    if (body.stream) {
      return eventStream(streamed(completion, body, head), {
        onLeave: cancel,
        onError: context.onError,
      });
    }
    return Response.json(await whole(completion, body, head));
  });
}

function serviceRequest(body: Body): CompletionRequest {
  const { prompt, max_tokens, logprobs, echo } = body;
  const prompts = promptsOf(prompt);
  if (prompts.length * (body.n ?? 1) > MAX_SEQUENCES) {
    throw new ApiError(400, `Cannot make more than ${MAX_SEQUENCES} choices for one request`, {
      param: "n",
      code: "invalid_value",
    });
  }
  const hasLogprobs = logprobs !== null && logprobs !== undefined;
  return {
    ...toServiceRequest(body),
    prompts,
    maxTokens: max_tokens ?? DEFAULT_MAX_TOKENS,
    ...(hasLogprobs ? { topLogprobs: logprobs, scorePrompt: echo ?? false } : {}),
  };
}

function promptsOf(prompt: Body["prompt"]): readonly Prompt[] {
  const promptOf = (one: string | readonly number[]): Prompt =>
    typeof one === "string" ? { kind: "text", text: one } : { kind: "ids", ids: one };
  if (typeof prompt === "string" || isIds(prompt)) return [promptOf(prompt)];
  return prompt.map(promptOf);
}

function isIds(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === "number";
}

type Head = Omit<Response_, "choices" | "usage">;

async function whole(completion: Completion, body: Body, head: Head): Promise<Response_> {
  const n = body.n ?? 1;
  const choices = await collectChoices(completion, completion.prompts.length * n);
  const generated = choices.reduce((sum, choice) => sum + choice.generatedTokens, 0);
  return {
    ...head,
    choices: choices.map(({ index, text, tokens, eosToken, promptTokens, reason }) => {
      const prompt = completion.prompts[Math.floor(index / n)]!;
      const before = body.echo ? prompt.text : "";
      return {
        index,
        text: before + text,
        // As OpenAI has it, the token that ended the text counts here: harnesses cut off the last one.
        logprobs: logprobsOf([
          ...promptTokens,
          ...shifted([...tokens, ...eosToken === undefined ? [] : [eosToken]], before.length),
        ], body),
        finish_reason: reason,
        ...(body.return_token_ids
          ? { token_ids: tokens.map(({ id }) => id), prompt_token_ids: [...prompt.ids] }
          : {}),
      };
    }),
    usage: usageOf(completion, generated),
  };
}

async function* streamed(
  completion: Completion,
  body: Body,
  head: Head,
): AsyncGenerator<Response_, void, void> {
  const includesUsage = body.stream_options?.include_usage ?? false;
  const n = body.n ?? 1;
  const echoed = new Set<number>();
  let generated = 0;
  for await (const event of completion.events) {
    const prompt = completion.prompts[Math.floor(event.index / n)]!;
    const isFirst = !echoed.has(event.index);
    echoed.add(event.index);
    if (event.type === "end") generated += event.generatedTokens;
    const before = body.echo ? prompt.text : "";
    const choice = {
      index: event.index,
      text: (isFirst ? before : "") + (event.type === "output" ? event.text : ""),
      logprobs: logprobsOf(tokensOf(event, before.length), body),
      finish_reason: event.type === "end" ? event.reason : null,
      ...(body.return_token_ids
        ? {
          token_ids: event.type === "output" ? event.tokens.map(({ id }) => id) : [],
          ...(isFirst ? { prompt_token_ids: [...prompt.ids] } : {}),
        }
        : {}),
    };
    const isSilent = choice.text === "" && choice.finish_reason === null &&
      (event.type === "end" || event.tokens.length === 0);
    if (!isSilent) yield { ...head, choices: [choice], ...(includesUsage ? { usage: null } : {}) };
  }
  if (includesUsage) yield { ...head, choices: [], usage: usageOf(completion, generated) };
}

function tokensOf(event: CompletionEvent, shift: number): readonly TextToken[] {
  switch (event.type) {
    case "prompt":
      return event.tokens;
    case "output":
      return shifted(event.tokens, shift);
    case "end":
      return event.eosToken === undefined ? [] : shifted([event.eosToken], shift);
  }
}

function shifted(tokens: readonly TextToken[], by: number): TextToken[] {
  return tokens.map((token) => ({ ...token, offset: token.offset + by }));
}

function logprobsOf(tokens: readonly TextToken[], body: Body): Logprobs | null {
  if (body.logprobs === null || body.logprobs === undefined) return null;
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob ?? null),
    top_logprobs: tokens.map(topLogprobs),
    text_offset: tokens.map(({ offset }) => offset),
  };
}

/** The likeliest tokens by their texts, the token itself always among them. */
function topLogprobs({ text, logprob, top }: TextToken): Record<string, number> | null {
  if (logprob === undefined) return null;
  const entries = [...top ?? []].reverse().map((likely) => [likely.text, likely.logprob] as const);
  const byText = new Map([...entries, [text, logprob]]); // of tokens that look alike the likeliest stays
  return Object.fromEntries([...byText].sort(([, a], [, b]) => b - a));
}
