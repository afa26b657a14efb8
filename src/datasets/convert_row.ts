/**
 * Rows in another form than the one they were read in. Nothing is lost on the way: a row that the form has no place for
 * is refused.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../utils/json.ts";
import { isJsonObject } from "./fields.ts";
import type { MessagesRow, Row } from "./row.ts";

/** The forms that rows can be written in. */
export const CONVERT_FORMS = [
  "messages",
  "prompt-completion",
  "alpaca",
  "sharegpt",
  "text",
] as const;

/** A form that rows can be written in. */
export type ConvertForm = (typeof CONVERT_FORMS)[number];

/** The fields of each form, in the order of the columns of a table. */
export const FORM_FIELDS: Readonly<Record<ConvertForm, readonly string[]>> = {
  messages: ["messages", "tools", "parallel_tool_calls", "chat_template_kwargs"],
  "prompt-completion": [
    "prompt",
    "completion",
    "tools",
    "parallel_tool_calls",
    "chat_template_kwargs",
  ],
  alpaca: ["instruction", "input", "output", "system", "history"],
  sharegpt: ["conversations", "system", "tools"],
  text: ["text"],
};

/** What became of a row: its fields in the other form, or why it has no place there. */
export type ConvertedRow =
  | { readonly json: JsonObject; readonly reason?: undefined }
  | { readonly json?: undefined; readonly reason: string };

/** A row has no place in a form; the message says why. */
class NoPlace extends Error {}

/** Writes a row in another form. */
export function convertRow(row: Row, form: ConvertForm): ConvertedRow {
  try {
    return { json: FORMS[form](row) };
  } catch (error) {
    if (!(error instanceof NoPlace)) throw error;
    return { reason: error.message };
  }
}

const FORMS: Readonly<Record<ConvertForm, (row: Row) => JsonObject>> = {
  messages(row) {
    const { messages, trained, ...rest } = conversationOf(row);
    return {
      messages: messages.map((message, i) =>
        message.role === "assistant" && trained?.[i] === false ? { ...message, weight: 0 } : message
      ),
      ...moreFields(rest),
    };
  },
  "prompt-completion"(row) {
    if (row.kind === "completion") return { prompt: row.prompt, completion: row.completion };
    const { messages, trained, ...rest } = conversationOf(row);
    // an answer may consist of several messages: a call, what it gives, and what is then said
    const first = messages.findIndex(({ role }, i) =>
      role === "assistant" && trained?.[i] !== false
    );
    const completion = messages.slice(first);
    if (completion.some(({ role }) => role !== "assistant" && role !== "tool")) {
      throw new NoPlace("more than one answer is trained, a completion is but one");
    }
    if (completion.some(({ role }, i) => role === "assistant" && trained?.[first + i] === false)) {
      throw new NoPlace("a part of the answer is not trained, a completion is trained whole");
    }
    if (first === 0) throw new NoPlace("nothing stands before the answer");
    return { prompt: messages.slice(0, first), completion, ...moreFields(rest) };
  },
  alpaca(row) {
    const { system, turns } = plainConversation(row, "Alpaca");
    const texts = turns.map(({ role, content }, i) => {
      if (role === (i % 2 === 0 ? "user" : "assistant")) return content;
      throw new NoPlace("user and assistant do not take turns, as they do in Alpaca");
    });
    if (texts.length % 2 !== 0) throw new NoPlace("the last turn is not answered");
    const history: string[][] = [];
    for (let i = 0; i < texts.length - 2; i += 2) history.push(texts.slice(i, i + 2));
    return {
      instruction: texts.at(-2)!,
      input: "",
      output: texts.at(-1)!,
      ...system === undefined ? {} : { system },
      ...history.length === 0 ? {} : { history },
    };
  },
  sharegpt(row) {
    const { system, turns, tools } = plainConversation(row, "ShareGPT");
    return {
      conversations: turns.flatMap(sharegptTurns),
      ...system === undefined ? {} : { system },
      ...tools === undefined ? {} : { tools: JSON.stringify(tools) },
    };
  },
  text(row) {
    if (row.kind === "text") return { text: row.text };
    if (row.kind === "completion") return { text: row.prompt + row.completion };
    throw new NoPlace(
      row.kind === "tokens"
        ? "a row of token ids has no text"
        : "a conversation is a text only by the chat template of a model",
    );
  },
};

function conversationOf(row: Row): MessagesRow {
  switch (row.kind) {
    case "messages":
      return row;
    case "completion":
      if (row.prompt.trim() === "") throw new NoPlace("the prompt is empty, a turn is not");
      return {
        kind: "messages",
        messages: [
          { role: "user", content: row.prompt },
          { role: "assistant", content: row.completion },
        ],
        tools: undefined,
      };
    case "text":
      throw new NoPlace("a text has no turns");
    case "tokens":
      throw new NoPlace("a row of token ids has no turns");
  }
}

function moreFields(
  { tools, templateVariables = {} }: Pick<MessagesRow, "tools" | "templateVariables">,
): JsonObject {
  const { parallel_tool_calls: parallel, ...others } = templateVariables;
  return {
    ...tools === undefined ? {} : { tools },
    ...typeof parallel === "boolean" ? { parallel_tool_calls: parallel } : {},
    ...Object.keys(others).length === 0 ? {} : { chat_template_kwargs: others },
  };
}

interface PlainConversation {
  readonly system: string | undefined;
  readonly turns: readonly ChatMessage[];
  readonly tools: readonly unknown[] | undefined;
}

/** A conversation without anything that Alpaca and ShareGPT have no field for. */
function plainConversation(row: Row, form: "Alpaca" | "ShareGPT"): PlainConversation {
  const { messages, tools, trained, templateVariables } = conversationOf(row);
  const refuse = (what: string) => new NoPlace(`${form} has no field for ${what}`);
  if (templateVariables !== undefined) throw refuse("variables of the chat template");
  if (trained !== undefined) throw refuse("turns that are not trained");
  if (messages.some(({ reasoning_content }) => reasoning_content !== undefined)) {
    throw refuse("what the assistant thinks");
  }
  if (messages.some(({ name }) => name !== undefined)) throw refuse("names of speakers");
  if (form === "Alpaca") {
    const usesTools = messages.some(({ role, tool_calls }) => role === "tool" || tool_calls);
    if (tools !== undefined || usesTools) throw refuse("tools");
  }
  const system = messages[0]?.role === "system" ? messages[0].content : undefined;
  const turns = system === undefined ? messages : messages.slice(1);
  if (turns.some(({ role }) => role === "developer")) throw refuse("a message of the developer");
  if (turns.some(({ role }) => role === "system")) throw refuse("a system message among turns");
  return { system, turns, tools };
}

function sharegptTurns({ role, content, tool_calls }: ChatMessage): JsonObject[] {
  if (role === "user") return [{ from: "human", value: content }];
  if (role === "tool") return [{ from: "observation", value: content }];
  const said = content === "" ? [] : [{ from: "gpt", value: content }];
  if (tool_calls === undefined) return said;
  const calls = tool_calls.map((call) => {
    const called = isJsonObject(call) && isJsonObject(call.function) ? call.function : {};
    const { name, arguments: given } = called;
    return { name, arguments: typeof given === "string" ? JSON.parse(given || "{}") : given };
  });
  const value = JSON.stringify(calls.length === 1 ? calls[0] : calls);
  return [...said, { from: "function_call", value }];
}
