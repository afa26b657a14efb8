/**
 * The fields of a request that make up a conversation's prompt.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";
import type { Prompt } from "../service.ts";
import { ApiError } from "./api_error.ts";

const TextPart = z.object({ type: z.literal("text"), text: z.string() });

const MessageSchema = z.object({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(TextPart)]).nullish(),
  name: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
  tool_call_id: z.string().nullish(),
}).openapi("ChatMessage");

/** Their schemas. */
export const chatPromptFields = {
  messages: z.array(MessageSchema).min(1),
  add_generation_prompt: z.boolean().nullish().openapi({
    description: "End the prompt with the header of the assistant's turn",
    default: true,
  }),
  continue_final_message: z.boolean().nullish().openapi({
    description: "Leave the last message open and go on with it instead of beginning a new one",
    default: false,
  }),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish().openapi({
    description: "More variables for the chat template",
  }),
};

const schema = z.object(chatPromptFields);

/** A conversation and how to render it. */
export type ChatPromptFields = z.infer<typeof schema>;

/**
 * Returns the prompt that they ask for.
 *
 * @throws {ApiError} If they contradict each other.
 */
export function chatPrompt(
  fields: ChatPromptFields,
  { tools }: { readonly tools?: readonly unknown[] } = {},
): Prompt {
  const goesOn = fields.continue_final_message ?? false;
  if (goesOn && fields.add_generation_prompt === true) {
    throw new ApiError(
      400,
      'Cannot use "continue_final_message" together with "add_generation_prompt"',
      { param: "continue_final_message", code: "invalid_value" },
    );
  }
  return {
    kind: "chat",
    messages: fields.messages.map(toMessage),
    options: {
      addGenerationPrompt: !goesOn && (fields.add_generation_prompt ?? true),
      continueFinalMessage: goesOn,
      ...(tools === undefined ? {} : { tools }),
      ...(fields.chat_template_kwargs ? { templateVariables: fields.chat_template_kwargs } : {}),
    },
  };
}

function toMessage(message: ChatPromptFields["messages"][number]): ChatMessage {
  const { role, content, ...rest } = message;
  const given = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined);
  const text = typeof content === "string"
    ? content
    : (content ?? []).map((part) => part.text).join("");
  return { role, content: text, ...Object.fromEntries(given) };
}
