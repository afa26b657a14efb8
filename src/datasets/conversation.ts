/**
 * A conversation that has been read, as a row.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../utils/json.ts";
import { type Fail, isJsonObject, parsedJson } from "./fields.ts";
import type { ParsedRow } from "./parse_row.ts";
import type { MessagesRow } from "./row.ts";

/** A message, and whether the row says that it is trained. */
export interface Turn {
  /** The message. */
  readonly message: ChatMessage;
  /** Whether it may be trained; `undefined` where the row does not say. */
  readonly trained?: boolean | undefined;
}

/** A conversation and what belongs to it. */
export interface Conversation {
  /** The field that it is in. */
  readonly key: string;
  /** What is said. */
  readonly turns: readonly Turn[];
  /** What is said before, unless a turn says it. */
  readonly system: string | undefined;
  /** Functions that may be called. */
  readonly tools: readonly unknown[] | undefined;
  /** The whole row. */
  readonly json: JsonObject;
  /** Makes the error that names the row. */
  readonly fail: Fail;
}

/** Fields of other media. */
const MEDIA_FIELDS = ["images", "videos", "audios", "image", "video", "audio"];

/** Makes a row of a conversation. */
export function finishConversation(conversation: Conversation): ParsedRow {
  const { key, json, tools, fail } = conversation;
  const turns = withSystem(conversation);
  const media = MEDIA_FIELDS.find((field) => isFilled(json[field]));
  if (media !== undefined) {
    throw fail("unsupported-content", `it has "${media}"`, "a model of language reads text only");
  }
  if (!turns.some(({ message }) => message.role === "assistant")) {
    throw fail(
      "no-assistant-turn",
      `"${key}" has no message of the assistant, so there is nothing to train`,
    );
  }
  if (!turns.some(({ message, trained }) => message.role === "assistant" && trained !== false)) {
    throw fail("nothing-trained", `every message of the assistant in "${key}" has the weight 0`);
  }
  const templateVariables = templateVariablesOf(json, fail);
  const messages = turns.map(({ message }) => message);
  const row: MessagesRow = {
    kind: "messages",
    messages,
    tools,
    ...turns.some(({ trained }) => trained === false)
      ? {
        trained: turns.map(({ message, trained = true }) =>
          message.role === "assistant" && trained
        ),
      }
      : {},
    ...templateVariables === undefined ? {} : { templateVariables },
  };
  return { row, warnings: orderWarnings(messages) };
}

function withSystem({ turns, system }: Conversation): readonly Turn[] {
  if (system === undefined || turns[0]?.message.role === "system") return turns;
  return [{ message: { role: "system", content: system } }, ...turns];
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" &&
    !(Array.isArray(value) && value.length === 0);
}

function templateVariablesOf(
  json: JsonObject,
  fail: Fail,
): Readonly<Record<string, unknown>> | undefined {
  const variables = filled(json.chat_template_kwargs) ?? {};
  if (!isJsonObject(variables)) {
    throw fail("bad-template-variables", '"chat_template_kwargs" must be an object');
  }
  const parallel = filled(json.parallel_tool_calls);
  if (parallel !== undefined && typeof parallel !== "boolean") {
    throw fail("wrong-type", '"parallel_tool_calls" must be true or false');
  }
  const all = {
    ...variables,
    ...parallel === undefined ? {} : { parallel_tool_calls: parallel },
  };
  return Object.keys(all).length === 0 ? undefined : all;
}

/** Returns a value that may be missing; tables have an empty text for that, and JSON as text. */
function filled(value: unknown): unknown {
  if (value === null || value === "") return undefined;
  return typeof value === "string" ? parsedJson(value) ?? value : value;
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
