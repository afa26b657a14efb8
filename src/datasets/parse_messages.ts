/**
 * Rows with a conversation, as OpenAI's API has it.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../utils/json.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";

/** Who may speak. */
export const CHAT_ROLES = ["system", "developer", "user", "assistant", "tool"] as const;

/** Parses a row with the key `messages`. */
export function parseMessages(json: JsonObject, { fail }: RowContext): ParsedRow {
  const { messages: list, tools } = json;
  if (!Array.isArray(list) || list.length === 0) {
    throw fail('"messages" must be a list of at least one message');
  }
  const messages = list.map((message: unknown, i) => parseMessage(message, `messages[${i}]`, fail));
  if (!messages.some(({ role }) => role === "assistant")) {
    throw fail('"messages" has no message of the assistant, so there is nothing to train');
  }
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) {
    throw fail('"tools" must be a list');
  }
  return {
    row: { kind: "messages", messages, tools: tools ?? undefined },
    warnings: orderWarnings(messages),
  };
}

function parseMessage(json: unknown, key: string, fail: RowContext["fail"]): ChatMessage {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fail(`"${key}" must be an object with "role" and "content"`);
  }
  const message: JsonObject = { ...json };
  const role = CHAT_ROLES.find((each) => each === message.role);
  if (role === undefined) {
    const roles = CHAT_ROLES.map((each) => `"${each}"`).join(", ");
    throw fail(
      `"${key}.role" must be one of ${roles}: current value is ${JSON.stringify(message.role)}`,
    );
  }
  const { content, reasoning_content, tool_calls, tool_call_id, name } = message;
  const callsTools = role === "assistant" && Array.isArray(tool_calls) && tool_calls.length > 0;
  if (typeof content !== "string" && !(callsTools && (content ?? null) === null)) {
    throw fail(`"${key}.content" must be a string`);
  }
  if (typeof content === "string" && content.trim() === "" && !callsTools && role !== "tool") {
    throw fail(`"${key}.content" is empty; write what the ${role} says or remove the message`);
  }
  const texts = Object.entries({ reasoning_content, tool_call_id, name })
    .filter(([, value]) => value !== undefined && value !== null);
  for (const [field, value] of texts) {
    if (typeof value !== "string") throw fail(`"${key}.${field}" must be a string`);
  }
  return {
    role,
    content: typeof content === "string" ? content : "",
    ...Object.fromEntries(texts),
    ...callsTools ? { tool_calls } : {},
  };
}

/** Oddities that some chat templates refuse and others render without a word. */
function orderWarnings(messages: readonly ChatMessage[]): string[] {
  const warnings: string[] = [];
  const isInstruction = ({ role }: ChatMessage) => role === "system" || role === "developer";
  const first = messages.findIndex((message) => !isInstruction(message));
  if (messages.slice(first).some(isInstruction)) {
    warnings.push("a system message is not at the beginning");
  }
  if (messages[first]?.role !== "user") warnings.push("the first turn is not the user's");
  if (
    messages.some(({ role }, i) =>
      (role === "user" || role === "assistant") && role === messages[i - 1]?.role
    )
  ) {
    warnings.push("two turns in a row are of the same role");
  }
  if (messages.at(-1)?.role !== "assistant") {
    warnings.push("the last turn is not the assistant's, so it is not trained");
  }
  return warnings;
}
