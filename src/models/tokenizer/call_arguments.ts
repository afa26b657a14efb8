/**
 * What functions are called with, as chat templates want it.
 *
 * OpenAI's API has the arguments of a call as the text of a JSON object; most templates write them with `tojson`, which
 * would turn a text into a text in quotation marks, and so want the object.
 *
 * @module
 */

import type { ChatMessage } from "./tokenizer.ts";

/** Templates that do something with an object; others put texts together. */
const WRITES_OBJECTS = /\btojson\b|\.items\(|\|\s*(items|dictsort)\b|\bis mapping\b/;

/** Returns the messages with the arguments of calls as objects, where they are the text of one and `template` wants objects. */
export function withObjectArguments(
  messages: readonly ChatMessage[],
  template: string,
): readonly ChatMessage[] {
  if (!WRITES_OBJECTS.test(template)) return messages;
  if (!messages.some(({ tool_calls }) => tool_calls?.some((call) => parsed(call) !== call))) {
    return messages;
  }
  return messages.map((message) =>
    message.tool_calls === undefined
      ? message
      : { ...message, tool_calls: message.tool_calls.map(parsed) }
  );
}

function parsed(call: unknown): unknown {
  if (!isObject(call)) return call;
  if (isObject(call.function)) {
    const called = parsed(call.function);
    return called === call.function ? call : { ...call, function: called };
  }
  if (typeof call.arguments !== "string") return call;
  try {
    const value: unknown = JSON.parse(call.arguments.trim() === "" ? "{}" : call.arguments);
    return isObject(value) ? { ...call, arguments: value } : call;
  } catch {
    return call; // it is shown as it is
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
