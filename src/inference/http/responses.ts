/**
 * The schemas of what completions answer.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";

/** Why a choice ended. */
export const FinishReasonSchema = z.enum(["stop", "length"]);

/** Which model answers. */
export const FingerprintSchema = z.string().nullable().openapi({
  description: "SHA-256 of the files of the model that answers, and of its adapters",
});

/** Why the assistant's turn ended. */
export const ChatFinishReasonSchema = z.enum(["stop", "length", "tool_calls"]);

/** Tokens read and generated. */
export const UsageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
}).openapi("Usage");

/** An event of a stream as it is sent; the other schemas of a stream are those of its `data`. */
export const StreamEventSchema = z.object({
  event: z.string().optional().openapi({ description: "Its type, where the API names it" }),
  data: z.string().openapi({ description: "JSON, or [DONE]; an error is the last event" }),
}).openapi("StreamEvent");

/** An error. */
export const ErrorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
}).openapi("Error");

/** Describes an error. */
export function error(description: string): {
  description: string;
  content: { "application/json": { schema: typeof ErrorSchema } };
} {
  return { description, content: { "application/json": { schema: ErrorSchema } } };
}

/** The errors that any route of `/v1` may end in. */
export const accessResponses = {
  401: error("The API key is missing or wrong"),
  403: error(
    "The key's role is not enough, or the server does not answer to the name it was called by",
  ),
  429: error("Too many requests; try again after Retry-After"),
};

/** The errors of a route that names a model. */
export const modelResponses = { ...accessResponses, 404: error("There is no such model") };

/** The errors that a completion may end in. */
export const completionResponses = {
  ...modelResponses,
  400: error("The request cannot be read, or the model cannot read the prompt"),
  413: error("The request is too large"),
  415: error("The request is not JSON"),
  500: error("The server failed"),
  503: error("The model is not available; try again after Retry-After"),
};
