/**
 * Rows with a conversation, as OpenAI's API has it.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../utils/json.ts";
import { type Fail, isJsonObject, listOf, optionalText, shown } from "./fields.ts";
import { CONVERSATION_FIELDS, fieldOf, SYSTEM_FIELDS } from "./formats.ts";
import { parseContent } from "./parse_content.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";
import { parseToolCalls, parseTools, withCallIds } from "./parse_tools.ts";
import { finishConversation, type Turn } from "./conversation.ts";

/** Who may speak. */
export const CHAT_ROLES = ["system", "developer", "user", "assistant", "tool"] as const;

/** Parses a row with the key `messages`. */
export function parseMessages(json: JsonObject, { fail }: RowContext): ParsedRow {
  const key = fieldOf(json, CONVERSATION_FIELDS) ?? "messages";
  return finishConversation({
    key,
    turns: parseTurns(json[key], { key, fail }),
    system: systemOf(json, fail),
    tools: parseTools(json, fail),
    json,
    fail,
  });
}

/** Returns what a row says apart from its turns. */
export function systemOf(json: JsonObject, fail: Fail): string | undefined {
  const key = fieldOf(json, SYSTEM_FIELDS);
  return key === undefined ? undefined : optionalText(json, key, fail);
}

/** Parses a list of messages, which lies at `key`. */
export function parseTurns(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): readonly Turn[] {
  if (value === undefined) throw fail("missing-field", `"${key}" is missing`);
  const list = listOf(value);
  if (list === undefined) {
    throw fail(
      "wrong-type",
      `"${key}" must be a list of messages: current value is ${shown(value)}`,
    );
  }
  if (list.length === 0) {
    throw fail("empty-messages", `"${key}" must be a list of at least one message`);
  }
  let calls = 0;
  return list.map((message: unknown, i) => {
    const turn = parseTurn(message, { key: `${key}[${i}]`, callsBefore: calls, fail });
    calls += turn.message.tool_calls?.length ?? 0;
    return turn;
  });
}

interface TurnContext {
  readonly key: string;
  readonly callsBefore: number;
  readonly fail: Fail;
}

function parseTurn(json: unknown, { key, callsBefore, fail }: TurnContext): Turn {
  if (!isJsonObject(json)) {
    throw fail("wrong-type", `"${key}" must be an object with "role" and "content"`);
  }
  const role = roleOf(json, { key, fail });
  const { text, reasoning, calls } = parseContent(json.content ?? json.refusal, {
    key: `${key}.content`,
    fail,
  });
  const toolCalls = role === "assistant" ? [...calls, ...listedCalls(json, { key, fail })] : [];
  if (text === undefined && toolCalls.length === 0) {
    throw json.content === undefined
      ? fail("missing-field", `"${key}.content" must be a string: it is missing`)
      : fail("wrong-type", `"${key}.content" must be a string: current value is null`);
  }
  if ((text ?? "").trim() === "" && toolCalls.length === 0 && role !== "tool") {
    throw fail(
      role === "assistant" ? "empty-answer" : "empty-content",
      `"${key}.content" is empty`,
      `write what the ${role} says or remove the message`,
    );
  }
  const texts: Record<string, string> = {};
  const thought = json.reasoning_content ?? json.reasoning ?? json.thinking ?? reasoning;
  const fields = { reasoning_content: thought, tool_call_id: json.tool_call_id, name: json.name };
  for (const [field, each] of Object.entries(fields)) {
    if (each === undefined || each === null) continue;
    if (typeof each !== "string") throw fail("wrong-type", `"${key}.${field}" must be a string`);
    texts[field] = each;
  }
  return {
    message: {
      role,
      content: text ?? "",
      ...texts,
      ...toolCalls.length > 0
        ? { tool_calls: calls.length > 0 ? withCallIds(toolCalls, callsBefore) : toolCalls }
        : {},
    },
    trained: weightOf(json, { key, role, fail }),
  };
}

function roleOf(
  json: JsonObject,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): ChatMessage["role"] {
  const spelled = json.role === "function" ? "tool" : json.role; // as OpenAI's API had it first
  const role = CHAT_ROLES.find((each) => each === spelled);
  if (role !== undefined) return role;
  const roles = CHAT_ROLES.map((each) => `"${each}"`).join(", ");
  throw spelled === undefined
    ? fail("missing-field", `"${key}.role" must be one of ${roles}: it is missing`)
    : fail(
      "unknown-role",
      `"${key}.role" must be one of ${roles}: current value is ${shown(spelled)}`,
    );
}

function listedCalls(
  json: JsonObject,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): ReturnType<typeof parseToolCalls> {
  if ((json.tool_calls ?? null) !== null) {
    return parseToolCalls(json.tool_calls, { key: `${key}.tool_calls`, fail });
  }
  if ((json.function_call ?? null) === null) return []; // as OpenAI's API had it first
  return parseToolCalls([json.function_call], { key: `${key}.function_call`, fail });
}

/** Names of the field that says whether a turn is trained. */
const WEIGHT_FIELDS = ["weight", "loss_weight", "train"] as const;

function weightOf(
  json: JsonObject,
  { key, role, fail }: { readonly key: string; readonly role: string; readonly fail: Fail },
): boolean | undefined {
  const field = fieldOf(json, WEIGHT_FIELDS);
  const value = field === undefined ? undefined : json[field] ?? undefined;
  if (value === undefined) return undefined;
  const weight = typeof value === "boolean" ? Number(value) : value;
  if (weight !== 0 && weight !== 1) {
    throw fail("bad-weight", `"${key}.${field}" must be 0 or 1: current value is ${shown(value)}`);
  }
  if (weight === 1 && role !== "assistant") {
    throw fail(
      "bad-weight",
      `"${key}.${field}" is 1 for a message of the ${role}`,
      "only what the assistant says is trained",
    );
  }
  return weight === 1;
}
