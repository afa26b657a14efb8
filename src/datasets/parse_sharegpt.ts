/**
 * Rows with a conversation as ShareGPT has it: `from` and `value`.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { finishConversation, type Turn } from "./conversation.ts";
import { type Fail, isJsonObject, listOf, parsedJson, shown } from "./fields.ts";
import { CONVERSATION_FIELDS, fieldOf } from "./formats.ts";
import { parseTurns, systemOf } from "./parse_messages.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";
import { parseToolCall, parseTools, withCallIds } from "./parse_tools.ts";

/** Who speaks; a call of a function is a turn of its own. */
type Speaker = "system" | "user" | "assistant" | "call" | "tool";

/** How each speaker is spelled. */
const SPEAKERS: Readonly<Record<string, Speaker>> = {
  system: "system",
  developer: "system",
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  model: "assistant",
  bot: "assistant",
  function_call: "call",
  "function-call": "call",
  tool_call: "call",
  observation: "tool",
  function_response: "tool",
  "function-response": "tool",
  tool_response: "tool",
  function: "tool",
  tool: "tool",
};

/** Parses a row with the key `conversations`. */
export function parseSharegpt(json: JsonObject, { fail }: RowContext): ParsedRow {
  const key = fieldOf(json, CONVERSATION_FIELDS) ?? "conversations";
  return finishConversation({
    key,
    turns: parseSharegptTurns(json[key], { key, fail }),
    system: systemOf(json, fail),
    tools: parseTools(json, fail),
    json,
    fail,
  });
}

/** Parses a list of turns, which lies at `key`; turns with `role` and `content` are read as such. */
export function parseSharegptTurns(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): readonly Turn[] {
  const list = listOf(value);
  if (list === undefined || list.length === 0 || isMessage(list[0])) {
    return parseTurns(value, { key, fail });
  }
  const turns: Turn[] = [];
  const context: CallContext = { calls: 0, open: [] };
  list.forEach((each: unknown, i) => {
    const at = `${key}[${i}]`;
    if (!isJsonObject(each)) {
      throw fail("wrong-type", `"${at}" must be an object with "from" and "value"`);
    }
    const speaker = speakerOf(each.from, { key: at, fail });
    addTurn(turns, {
      speaker,
      value: valueOf(each.value, { key: at, speaker, fail }),
      key: at,
      context,
      fail,
    });
  });
  return turns;
}

function isMessage(value: unknown): boolean {
  return isJsonObject(value) && "role" in value && !("from" in value);
}

function speakerOf(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): Speaker {
  const speaker = typeof value === "string" && Object.hasOwn(SPEAKERS, value)
    ? SPEAKERS[value]
    : undefined;
  if (speaker !== undefined) return speaker;
  const wanted = `"${key}.from" must be "human", "gpt", "system", "function_call" or "observation"`;
  throw value === undefined
    ? fail("missing-field", `${wanted}: it is missing`)
    : fail("unknown-role", `${wanted}: current value is ${shown(value)}`);
}

function valueOf(
  value: unknown,
  { key, speaker, fail }: { readonly key: string; readonly speaker: Speaker; readonly fail: Fail },
): string {
  if (typeof value !== "string") {
    const wanted = `"${key}.value" must be a string`;
    throw value === undefined
      ? fail("missing-field", `${wanted}: it is missing`)
      : fail("wrong-type", `${wanted}: current value is ${shown(value)}`);
  }
  if (value.trim() === "" && speaker !== "tool") {
    throw fail(
      speaker === "assistant" ? "empty-answer" : "empty-content",
      `"${key}.value" is empty`,
      "write what is said or remove the turn",
    );
  }
  return value;
}

interface CallContext {
  /** Calls until now. */
  calls: number;
  /** Ids of those that have no answer yet. */
  open: string[];
}

function addTurn(
  turns: Turn[],
  { speaker, value, key, context, fail }: {
    readonly speaker: Speaker;
    readonly value: string;
    readonly key: string;
    readonly context: CallContext;
    readonly fail: Fail;
  },
): void {
  if (speaker === "tool") {
    const id = context.open.shift();
    turns.push({
      message: { role: "tool", content: value, ...id === undefined ? {} : { tool_call_id: id } },
    });
    return;
  }
  if (speaker !== "call") {
    turns.push({ message: { role: speaker, content: value } });
    return;
  }
  const parsed = parsedJson(value);
  const calls = (Array.isArray(parsed) ? parsed : [parsed ?? value])
    .map((call: unknown) => parseToolCall(call, { key: `${key}.value`, fail }));
  const tool_calls = withCallIds(calls, context.calls);
  context.calls += calls.length;
  context.open = tool_calls.map(({ id }) => id);
  // what the assistant says before it calls belongs to the same turn
  const last = turns.at(-1)?.message;
  if (last?.role === "assistant" && last.tool_calls === undefined) {
    turns[turns.length - 1] = { message: { ...last, tool_calls } };
  } else turns.push({ message: { role: "assistant", content: "", tool_calls } });
}
