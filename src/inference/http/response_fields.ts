/**
 * The fields of `/v1/responses`, and the chat that they ask for.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { constraintOf } from "./constraint_fields.ts";
import type { ChatPromptFields } from "./chat_prompt.ts";
import { ApiError } from "./api_error.ts";
import type { ToolFields } from "./tool_fields.ts";

const Part = z.object({ type: z.enum(["input_text", "output_text", "text"]), text: z.string() });

const MessageItem = z.object({
  type: z.literal("message").optional(),
  role: z.string().min(1),
  content: z.union([z.string(), z.array(Part)]),
});

const CallItem = z.object({
  type: z.literal("function_call"),
  call_id: z.string(),
  name: z.string(),
  arguments: z.string(),
});

const ResultItem = z.object({
  type: z.literal("function_call_output"),
  call_id: z.string(),
  output: z.union([z.string(), z.array(Part)]),
});

const FunctionTool = z.object({
  type: z.literal("function"),
  name: z.string().regex(/^[\w.-]{1,64}$/),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

/** What is asked. */
export const ResponseRequestSchema = z.object({
  model: z.string(),
  input: z.union([z.string().min(1), z.array(z.union([CallItem, ResultItem, MessageItem])).min(1)]),
  instructions: z.string().nullish().openapi({ description: "The system's message" }),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stream: z.boolean().nullish(),
  text: z.object({
    format: z.discriminatedUnion("type", [
      z.object({ type: z.literal("text") }),
      z.object({ type: z.literal("json_object") }),
      z.object({
        type: z.literal("json_schema"),
        name: z.string().nullish(),
        description: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().nullish(),
      }),
    ]).nullish(),
  }).nullish(),
  tools: z.array(FunctionTool).max(128).nullish(),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    z.object({ type: z.literal("function"), name: z.string() }),
  ]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  previous_response_id: z.null().optional().openapi({
    description: "Nothing is stored here: send the conversation as input",
  }),
  background: z.literal(false).nullish(),
}).openapi("ResponseRequest");

/** What is asked. */
export type ResponseRequest = z.infer<typeof ResponseRequestSchema>;

/** Returns the conversation. */
export function messagesOf({ input, instructions }: ResponseRequest): ChatPromptFields["messages"] {
  const messages: ChatPromptFields["messages"] = instructions
    ? [{ role: "system", content: instructions }]
    : [];
  const items = typeof input === "string" ? [{ role: "user", content: input }] : input;
  for (const item of items) {
    if (!("call_id" in item)) {
      messages.push({ role: item.role, content: textOf(item.content) });
    } else if (item.type === "function_call_output") {
      messages.push({ role: "tool", content: textOf(item.output), tool_call_id: item.call_id });
    } else {
      const call = {
        id: item.call_id,
        type: "function",
        function: { name: item.name, arguments: item.arguments },
      };
      const last = messages.at(-1);
      if (last?.role === "assistant") last.tool_calls = [...last.tool_calls ?? [], call];
      else messages.push({ role: "assistant", content: "", tool_calls: [call] });
    }
  }
  return messages;
}

/** Returns the functions as `/v1/chat/completions` has them. */
export function toolFieldsOf(
  { tools, tool_choice, parallel_tool_calls }: ResponseRequest,
): ToolFields {
  return {
    tools: tools?.map(({ type, ...called }) => ({ type, function: called })),
    tool_choice: typeof tool_choice === "object" && tool_choice !== null
      ? { type: "function", function: { name: tool_choice.name } }
      : tool_choice,
    parallel_tool_calls,
  };
}

/** Returns what the text is held to. */
export function formatOf({ text }: ResponseRequest): ReturnType<typeof constraintOf> {
  const format = text?.format;
  if (format?.type !== "json_schema") return constraintOf({ response_format: format });
  const { type, ...json_schema } = format;
  return constraintOf({ response_format: { type, json_schema } });
}

/** Fields that would change the answer, with the reason why they are not there. */
const STATEFUL = ["previous_response_id", "conversation", "prompt", "background"];

/**
 * Refuses what needs answers to be stored.
 *
 * @throws {ApiError} If there is any of it.
 */
export function refuseState(body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  const given = body as Readonly<Record<string, unknown>>;
  const param = STATEFUL.find((name) =>
    given[name] !== undefined && given[name] !== null && given[name] !== false
  );
  if (param === undefined) return;
  throw new ApiError(
    400,
    `Cannot use "${param}": this server stores nothing; send the conversation as "input"`,
    {
      param,
      code: "unsupported_parameter",
    },
  );
}

function textOf(content: string | readonly z.infer<typeof Part>[]): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("");
}
