/**
 * The fields that chat and text completions share.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { SamplingSettings } from "../generation/sampling.ts";
import type { CompletionRequest } from "../service.ts";
import { constraintFields, constraintOf } from "./constraint_fields.ts";
import { ApiError } from "./api_error.ts";

const MAX_STOPS = 16;

/** The most choices for one prompt. */
const MAX_CHOICES = 128;

const penalty = z.number().min(-2).max(2).nullish();

/** Their schemas. */
export const generationFields = {
  model: z.string().openapi({ description: "Name of the model, as /v1/models lists it" }),
  n: z.int().min(1).max(MAX_CHOICES).nullish().openapi({
    description: "Choices for each prompt",
    default: 1,
  }),
  stream: z.boolean().nullish().openapi({ description: "Send tokens as server-sent events" }),
  stream_options: z.object({
    include_usage: z.boolean().nullish().openapi({
      description: "End the stream with a chunk that has the usage",
    }),
  }).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(MAX_STOPS)]).nullish().openapi({
    description: "Strings that end the text; they are not part of it",
  }),
  seed: z.int().nullish().openapi({
    description: "The same seed draws the same tokens; nothing is guessed (`--speculate`)",
  }),
  temperature: z.number().min(0).max(2).nullish().openapi({
    description: "Divides the logits; 0 always takes the likeliest token",
  }),
  top_p: z.number().min(0).max(1).nullish().openapi({
    description: "Keep the likeliest tokens that have this probability together",
  }),
  top_k: z.int().min(-1).nullish().openapi({
    description: "Keep this many of the likeliest tokens; 0 or -1 keeps all",
  }),
  min_p: z.number().min(0).max(1).nullish().openapi({
    description: "Keep tokens at least this many times as likely as the likeliest",
  }),
  typical_p: z.number().gt(0).max(1).nullish().openapi({
    description: "Keep the tokens of most typical information that have this probability together",
  }),
  repetition_penalty: z.number().gt(0).nullish().openapi({
    description: "Holds tokens of prompt and text back, above 1",
  }),
  frequency_penalty: penalty.openapi({
    description: "Subtracted for every time that a token was generated",
  }),
  presence_penalty: penalty.openapi({
    description: "Subtracted from tokens that were generated",
  }),
  ignore_eos: z.boolean().nullish().openapi({ description: "Go on after an end token" }),
  logit_bias: z.record(z.string().regex(/^\d{1,9}$/), z.number().min(-100).max(100)).nullish()
    .openapi({
      description: "Added to the logits of tokens, by their ids",
    }),
  ...constraintFields,
  return_token_ids: z.boolean().nullish().openapi({
    description: "Add token_ids and prompt_token_ids to each choice",
  }),
};

const schema = z.object(generationFields);

/** The shared fields of a request. */
export type GenerationFields = z.infer<typeof schema>;

/** Returns what they ask of a service; fields that are null are not given. */
export function toServiceRequest(
  fields: GenerationFields,
): Omit<CompletionRequest, "prompts"> & { readonly n: number } {
  const { n, stop, seed, ignore_eos, top_k } = fields;
  const logitBias = fields.logit_bias ?? {};
  const constraint = constraintOf(fields);
  const sampling: Partial<Record<keyof SamplingSettings, number>> = {};
  const set = (name: keyof SamplingSettings, value: number | null | undefined) => {
    if (value !== null && value !== undefined) sampling[name] = value;
  };
  set("temperature", fields.temperature);
  set("topK", top_k === -1 ? 0 : top_k);
  set("topP", fields.top_p);
  set("minP", fields.min_p);
  set("typicalP", fields.typical_p);
  set("repetitionPenalty", fields.repetition_penalty);
  set("frequencyPenalty", fields.frequency_penalty);
  set("presencePenalty", fields.presence_penalty);
  return {
    n: n ?? 1,
    sampling,
    stop: typeof stop === "string" ? [stop] : stop ?? [],
    ...(seed === null || seed === undefined ? {} : { seed }),
    ignoreEos: ignore_eos ?? false,
    ...(Object.keys(logitBias).length === 0
      ? {}
      : { logitBias: Object.entries(logitBias).map(([id, bias]) => ({ id: Number(id), bias })) }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}

/** Fields of OpenAI's API that change the answer and are not supported, with the values that change nothing. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
  functions: isEmpty,
  suffix: isEmpty,
  audio: isEmpty,
  best_of: (value) => value === 1,
  modalities: (value) => Array.isArray(value) && value.every((one) => one === "text"),
};

/**
 * Refuses fields that would be ignored although they matter.
 *
 * @throws {ApiError} If there is one.
 */
export function refuseUnsupported(body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  for (const [param, value] of Object.entries(body)) {
    const isHarmless = UNSUPPORTED[param];
    if (isHarmless === undefined || value === null || isHarmless(value)) continue;
    throw new ApiError(400, `Cannot use "${param}": this server does not support it`, {
      param,
      code: "unsupported_parameter",
    });
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? Object.keys(value).length === 0
    : value === "";
}
