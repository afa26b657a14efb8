/**
 * Functions that an assistant may call, and its calls, as OpenAI's API has them.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { type Fail, isJsonObject, listOf, parsedJson, shown } from "./fields.ts";
import { fieldOf, TOOLS_FIELDS } from "./formats.ts";

/** A call of a function. */
export interface ToolCall {
  /** Names the call for the answer. */
  readonly id?: string;
  /** The kind of tool. */
  readonly type: string;
  /** What is called. */
  readonly function: {
    /** Its name. */
    readonly name: string;
    /** What it is given: JSON, or the text of it. */
    readonly arguments: unknown;
  };
}

/** Returns the functions of a row, a list or the JSON of one; one without its wrapper gets it. */
export function parseTools(json: JsonObject, fail: Fail): readonly unknown[] | undefined {
  const key = fieldOf(json, TOOLS_FIELDS);
  const value = key === undefined ? undefined : json[key] ?? undefined;
  if (value === undefined || value === "") return undefined;
  const list = listOf(value);
  if (list === undefined) {
    throw fail("bad-tools", `"${key}" must be a list of functions, or the JSON of one`);
  }
  if (list.length === 0) return undefined;
  return list.map((tool, i) => {
    if (!isJsonObject(tool)) throw fail("bad-tools", `"${key}[${i}]" must be an object`);
    if ("function" in tool || !("name" in tool)) return tool;
    return { type: "function", function: tool };
  });
}

/** Returns the calls in the list `value`, which lies at `key`. */
export function parseToolCalls(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): readonly ToolCall[] {
  const list = listOf(value);
  if (list === undefined) throw fail("bad-tool-call", `"${key}" must be a list of calls`);
  return list.map((call, i) => parseToolCall(call, { key: `${key}[${i}]`, fail }));
}

/** Returns a call, with its wrapper or without: `{"name": …, "arguments": …}`. */
export function parseToolCall(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): ToolCall {
  const call = typeof value === "string" ? parsedJson(value) : value;
  if (!isJsonObject(call)) {
    throw fail(
      "bad-tool-call",
      `"${key}" must be a call, {"name": …, "arguments": …}: current value is ${shown(value)}`,
    );
  }
  const { id, type, function: wrapped } = call;
  const called = isJsonObject(wrapped) ? wrapped : call;
  if (typeof called.name !== "string" || called.name === "") {
    throw fail("bad-tool-call", `"${key}" must have the name of the function as a string`);
  }
  const given = called.arguments ?? called.parameters ?? {};
  if (typeof given === "string" && given.trim() !== "" && parsedJson(given) === undefined) {
    throw fail("bad-tool-call", `the arguments of "${key}" are not valid JSON: ${shown(given)}`);
  }
  return {
    ...typeof id === "string" ? { id } : {},
    type: typeof type === "string" && isJsonObject(wrapped) ? type : "function",
    function: { ...called, name: called.name, arguments: given },
  };
}

/** Gives calls without an id one that every template takes: nine letters and digits. */
export function withCallIds(
  calls: readonly ToolCall[],
  before: number,
): readonly (ToolCall & { readonly id: string })[] {
  return calls.map((call, i) => ({
    id: `call${String(before + i + 1).padStart(5, "0")}`,
    ...call,
  }));
}
