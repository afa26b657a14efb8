/**
 * The fields of a request that offer functions to the model, and what is answered about its calls.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { ConstraintSpec } from "../constraints.ts";
import type { ModelInfo } from "../service.ts";
import type { ToolFormat } from "../tools/tool_format.ts";
import {
  createToolCallParser,
  type ToolCallParser,
  type WrittenCall,
} from "../tools/tool_calls.ts";
import { ApiError } from "./api_error.ts";

const FunctionSchema = z.object({
  name: z.string().regex(/^[\w.-]{1,64}$/),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

/** Their schemas. */
export const toolFields = {
  tools: z.array(z.object({ type: z.literal("function"), function: FunctionSchema })).max(128)
    .nullish().openapi({ description: "Functions that the model may call" }),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
  ]).nullish().openapi({
    description: "Whether it may call one, must call one, or must call this one",
    default: "auto",
  }),
  parallel_tool_calls: z.boolean().nullish().openapi({
    description: "Whether it may call several at once; if not, calls after the first are left out",
    default: true,
  }),
};

/** A call in an answer. */
export const ToolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const schema = z.object(toolFields);

/** What the model may call. */
export type ToolFields = z.infer<typeof schema>;

/** How the functions of a request are used. */
export interface ToolUse {
  /** What the chat template is given. */
  readonly tools: readonly unknown[];
  /** Holds the text to a call, where one must be made. */
  readonly constraint: ConstraintSpec | undefined;
  /** Creates what finds the calls in a text. */
  readonly createParser: () => ToolCallParser;
  /** The most calls of an answer. */
  readonly maxCalls: number;
}

/**
 * Returns how functions are used, `undefined` if there are none.
 *
 * @throws {ApiError} If the model's template knows of no functions, or one that must be called is not there.
 */
export function toolUseOf(fields: ToolFields, { toolFormat }: ModelInfo): ToolUse | undefined {
  const { tools, tool_choice: chosen, parallel_tool_calls: parallel } = fields;
  if (!tools || tools.length === 0) {
    if (chosen === "required" || typeof chosen === "object" && chosen !== null) {
      throw invalid("tool_choice", 'Cannot use "tool_choice" without "tools"');
    }
    return undefined;
  }
  if (chosen === "none") return undefined;
  if (toolFormat === null) {
    throw invalid("tools", 'Cannot use "tools": the model\'s chat template knows of no functions');
  }
  const name = typeof chosen === "object" && chosen !== null ? chosen.function.name : undefined;
  const callable = tools.filter((tool) => name === undefined || tool.function.name === name);
  if (callable.length === 0) {
    throw invalid("tool_choice", `Cannot call "${name}": "tools" has no function of this name`);
  }
  const mustCall = name !== undefined || chosen === "required";
  return {
    tools,
    constraint: mustCall ? constraintTo(callable, toolFormat) : undefined,
    createParser: () => createToolCallParser(toolFormat),
    maxCalls: parallel === false ? 1 : Infinity,
  };
}

/** Returns a call as it is answered. */
export function toToolCall(
  { name, arguments: given }: WrittenCall,
): z.infer<typeof ToolCallSchema> {
  const id = `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
  return { id, type: "function", function: { name, arguments: given } };
}

function constraintTo(
  tools: readonly { readonly function: z.infer<typeof FunctionSchema> }[],
  format: ToolFormat,
): ConstraintSpec {
  return {
    kind: "tool_call",
    format,
    functions: tools.map(({ function: { name, parameters } }) => ({
      name,
      parameters: parameters ?? { type: "object", properties: {}, additionalProperties: false },
    })),
  };
}

function invalid(param: string, message: string): ApiError {
  return new ApiError(400, message, { param, code: "invalid_value" });
}
