/**
 * `/v1/responses`: OpenAI's newer way to chat, without anything being stored.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { CompletionRequest } from "../service.ts";
import { ApiError } from "./api_error.ts";
import { chatPrompt } from "./chat_prompt.ts";
import { accept, type Accepted } from "./accept.ts";
import type { RouteContext } from "./context.ts";
import { eventStream } from "./event_stream.ts";
import { responseEvents } from "./response_events.ts";
import {
  formatOf,
  messagesOf,
  refuseState,
  type ResponseRequest,
  ResponseRequestSchema,
  toolFieldsOf,
} from "./response_fields.ts";
import {
  completionResponses,
  ErrorSchema,
  FingerprintSchema,
  StreamEventSchema,
} from "./responses.ts";
import { type ToolUse, toolUseOf } from "./tool_fields.ts";

const ResponseSchema = z.looseObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int(),
  model: z.string(),
  system_fingerprint: FingerprintSchema,
  status: z.enum(["in_progress", "completed", "incomplete"]),
  output: z.array(z.looseObject({ id: z.string(), type: z.enum(["message", "function_call"]) })),
}).openapi("Response");

const EventSchema = z.looseObject({
  type: z.string(),
  sequence_number: z.int(),
}).openapi("ResponseEvent");

/** Adds the route to `app`. */
export function addResponseRoute(app: OpenAPIHono, context: RouteContext): void {
  const route = createRoute({
    method: "post",
    path: "/v1/responses",
    summary: "Answer, in the form of OpenAI's newer API; nothing is stored",
    request: {
      body: { required: true, content: { "application/json": { schema: ResponseRequestSchema } } },
    },
    responses: {
      200: {
        description: "The answer; with `stream` the events of its making",
        content: {
          "application/json": { schema: ResponseSchema },
          "text/event-stream": { schema: z.union([StreamEventSchema, EventSchema, ErrorSchema]) },
        },
      },
      ...completionResponses,
    },
  });
  app.use("/v1/responses", async (c, next) => {
    // before the fields are checked, as this says more; what is no JSON is refused there
    if (c.req.method === "POST") refuseState(await c.req.json().catch(() => undefined));
    await next();
  });
  app.openapi(route, async (c): Promise<Response> => {
    const body = c.req.valid("json");
    const fields = toolFieldsOf(body);
    const accepted = await accept(
      context,
      (model) => serviceRequest(body, toolUseOf(fields, model)),
      {
        promptField: "input",
        model: body.model,
        isStreamed: body.stream ?? false,
        signal: c.req.raw.signal,
      },
    );
    const { completion, cancel } = accepted;
    const use = toolUseOf(fields, accepted.model);
    const events = responseEvents(completion, { body, use, head: headOf(accepted, context) });
    if (body.stream) {
      return eventStream(events, { onLeave: cancel, onError: context.onError, isNamed: true });
    }
    let whole: unknown;
    for await (const { response } of events) whole = response ?? whole;
    return Response.json(whole);
  });
}

function headOf({ name, model }: Accepted, { clock }: RouteContext) {
  return {
    id: `resp_${crypto.randomUUID().replaceAll("-", "")}`,
    object: "response",
    created_at: Math.floor(clock() / 1000),
    model: name,
    system_fingerprint: model.contentHash,
  };
}

function serviceRequest(body: ResponseRequest, use: ToolUse | undefined): CompletionRequest {
  const format = formatOf(body);
  if (format !== undefined && use?.constraint !== undefined) {
    throw new ApiError(400, 'Cannot hold the text to "text.format" and to a call of "tools"', {
      param: "tool_choice",
      code: "invalid_value",
    });
  }
  const constraint = use?.constraint ?? format;
  const { temperature, top_p: topP, max_output_tokens: maxTokens } = body;
  return {
    prompts: [chatPrompt({ messages: messagesOf(body) }, use)],
    sampling: {
      ...(typeof temperature === "number" ? { temperature } : {}),
      ...(typeof topP === "number" ? { topP } : {}),
    },
    ...(typeof maxTokens === "number" ? { maxTokens } : {}),
    ...(constraint === undefined ? {} : { constraint }),
  };
}
