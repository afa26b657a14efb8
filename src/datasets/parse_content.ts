/**
 * What a message says: a text, or parts of several kinds.
 *
 * @module
 */

import { type Fail, isJsonObject, listOf, shown } from "./fields.ts";
import { parseToolCall, type ToolCall } from "./parse_tools.ts";

/** What a message says. */
export interface Content {
  /** The text; `undefined` where there is none. */
  readonly text: string | undefined;
  /** What the assistant thought before. */
  readonly reasoning: string | undefined;
  /** What it calls. */
  readonly calls: readonly ToolCall[];
}

/** Parses the content that lies at `key`. */
export function parseContent(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): Content {
  if (value === undefined || value === null || typeof value === "string") {
    return { text: value ?? undefined, reasoning: undefined, calls: [] };
  }
  const parts = listOf(value);
  if (parts === undefined) {
    throw fail("wrong-type", `"${key}" must be a string: current value is ${shown(value)}`);
  }
  const texts: string[] = [];
  const reasoning: string[] = [];
  const calls: ToolCall[] = [];
  parts.forEach((part: unknown, i) => {
    const at = `${key}[${i}]`;
    if (typeof part === "string") {
      texts.push(part);
      return;
    }
    if (!isJsonObject(part)) throw fail("wrong-type", `"${at}" must be a part with "type"`);
    const { type } = part;
    if (type === "tool_call") {
      calls.push(parseToolCall(part.tool_call ?? part.value ?? part, { key: at, fail }));
      return;
    }
    const text = [part.text, part.value, part.thinking, part.reasoning, part.refusal]
      .find((each) => each !== undefined && each !== null);
    const list = typeof type === "string" ? TEXT_PARTS[type] : undefined;
    if (list === undefined) {
      throw fail(
        "unsupported-content",
        `"${at}" is a part of type ${shown(type)}`,
        "a model of language reads text only; leave the part out",
      );
    }
    if (typeof text !== "string") throw fail("wrong-type", `"${at}.text" must be a string`);
    (list === "text" ? texts : reasoning).push(text);
  });
  return {
    text: texts.length === 0 ? undefined : texts.join(""),
    reasoning: reasoning.length === 0 ? undefined : reasoning.join(""),
    calls,
  };
}

/** The kinds of parts that hold text, and what it is. */
const TEXT_PARTS: Readonly<Record<string, "text" | "reasoning">> = {
  text: "text",
  input_text: "text",
  output_text: "text",
  refusal: "text",
  reasoning: "reasoning",
  thinking: "reasoning",
};
