/**
 * The fields of a request that say what its text must be like.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { ConstraintSpec } from "../constraints.ts";
import { ApiError } from "./api_error.ts";

const JsonSchemaFormat = z.object({
  type: z.literal("json_schema"),
  json_schema: z.object({
    name: z.string().nullish(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish(),
  }),
});

/** Their schemas. */
export const constraintFields = {
  response_format: z.discriminatedUnion("type", [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    JsonSchemaFormat,
  ]).nullish().openapi({ description: "The text is JSON: any object, or what a schema allows" }),
  regex: z.string().min(1).max(100_000).nullish().openapi({
    description: "The text as a whole matches this regular expression",
  }),
  grammar: z.string().min(1).max(1_000_000).nullish().openapi({
    description: "The text follows this grammar, written as for llama.cpp (GBNF)",
  }),
  choices: z.array(z.string().min(1)).min(1).max(10_000).nullish().openapi({
    description: "The text is one of these",
  }),
};

const schema = z.object(constraintFields);

/** What the text must be like. */
export type ConstraintFields = z.infer<typeof schema>;

/**
 * Returns the constraint that they ask for, if any.
 *
 * @throws {ApiError} If they ask for several.
 */
export function constraintOf(fields: ConstraintFields): ConstraintSpec | undefined {
  const { response_format: format, regex, grammar, choices } = fields;
  const found: ConstraintSpec[] = [
    ...(format?.type === "json_object" ? [{ kind: "json" } as const] : []),
    ...(format?.type === "json_schema"
      ? [{ kind: "json_schema", schema: format.json_schema.schema } as const]
      : []),
    ...(regex ? [{ kind: "regex", pattern: regex } as const] : []),
    ...(grammar ? [{ kind: "gbnf", grammar } as const] : []),
    ...(choices ? [{ kind: "choice", choices } as const] : []),
  ];
  if (found.length > 1) {
    throw new ApiError(
      400,
      'Cannot use several of "response_format", "regex", "grammar" and "choices" together',
      { param: "response_format", code: "invalid_value" },
    );
  }
  return found[0];
}
