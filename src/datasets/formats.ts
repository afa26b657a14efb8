/**
 * The forms in which people write rows down, and how each is told from the others by its fields.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { isJsonObject } from "./fields.ts";

/** Every form of rows. A row with the fields of several is of the first of them. */
export const DATA_FORMATS = [
  "tokens",
  "preference",
  "messages",
  "sharegpt",
  "prompt-completion",
  "alpaca",
  "question-answer",
  "text",
] as const;

/** A form of rows. */
export type DataFormat = (typeof DATA_FORMATS)[number];

/** What may be asked for instead of the form that is found. */
export const FORMAT_CHOICES = [...DATA_FORMATS, "chosen", "mixed", "lines", "document"] as const;

/**
 * A form that is asked for: one of {@linkcode DATA_FORMATS}; the `chosen` answers of preference rows; `mixed`, where
 * each row is read by its own fields; of plain text, each of its `lines` or all of it as one `document`.
 */
export type FormatChoice = (typeof FORMAT_CHOICES)[number];

/** Names of the field that holds a conversation. */
export const CONVERSATION_FIELDS = [
  "messages",
  "conversations",
  "conversation",
  "dialog",
  "dialogue",
  "turns",
  "chat",
] as const;

/** Names of the field that holds the conversation's functions. */
export const TOOLS_FIELDS = ["tools", "functions"] as const;

/** Names of the field that holds what is said before the first turn. */
export const SYSTEM_FIELDS = ["system", "system_prompt"] as const;

/** Names of the field that an instruction goes on in. */
export const INPUT_FIELDS = ["input", "context"] as const;

/** Names of the field that an instruction is answered in. */
export const OUTPUT_FIELDS = ["output", "response", "completion", "answer"] as const;

/** Names of the field that a question is in, the likelier first. */
export const QUESTION_FIELDS = [
  "question",
  "query",
  "prompt",
  "user_prompt",
  "problem",
  "user",
  "human",
  "input",
  "instruction",
] as const;

/** Names of the field that a question is answered in, the likelier first. */
export const ANSWER_FIELDS = [
  "answer",
  "response",
  "assistant_response",
  "solution",
  "output",
  "completion",
  "target",
  "assistant",
  "generated_solution",
  "expected_answer",
] as const;

/** Names of the field that a text is in. */
export const TEXT_FIELDS = ["text", "content", "document", "article", "raw_content"] as const;

/** Names of the fields of a preferred answer and of the other. */
export const PREFERENCE_FIELDS = [
  ["chosen", "rejected"],
  ["chosen_messages", "rejected_messages"],
  ["chosen_response", "rejected_response"],
  ["response_chosen", "response_rejected"],
] as const;

/** Names of the field that says whether an answer is good. */
export const VERDICT_FIELDS = ["label", "kto_tag"] as const;

/** What a form is known by. */
interface FormatRule {
  /** The fields that a row of it must have. */
  readonly fields: string;
  /** Whether a row is of the form. */
  readonly matches: (json: JsonObject) => boolean;
}

/** How each form is known. */
export const FORMAT_RULES: Readonly<Record<DataFormat, FormatRule>> = {
  tokens: { fields: "input_ids", matches: (json) => "input_ids" in json },
  preference: {
    fields: "chosen, rejected",
    matches: (json) =>
      PREFERENCE_FIELDS.some(([chosen, rejected]) => chosen in json && rejected in json) ||
      typeof valueOf(json, VERDICT_FIELDS) === "boolean" &&
        (fieldOf(json, CONVERSATION_FIELDS) !== undefined || "completion" in json),
  },
  messages: {
    fields: "messages",
    matches: (json) => conversationTag(json) === "role",
  },
  sharegpt: {
    fields: "conversations",
    matches: (json) => conversationTag(json) === "from",
  },
  "prompt-completion": {
    fields: "prompt, completion",
    matches: (json) => "prompt" in json && "completion" in json,
  },
  alpaca: {
    fields: "instruction, output",
    matches: (json) => "instruction" in json && fieldOf(json, OUTPUT_FIELDS) !== undefined,
  },
  "question-answer": {
    fields: "question, answer",
    matches: (json) => questionAnswerFields(json) !== undefined,
  },
  text: {
    fields: "text",
    matches: (json) => "text" in json || typeof valueOf(json, TEXT_FIELDS) === "string",
  },
};

/**
 * Returns the form of a row, `undefined` if it is of none. Rows of tables have every field, those that mean nothing as
 * null; only where nothing else tells the form a null does.
 */
export function recogniseFormat(json: JsonObject): DataFormat | undefined {
  const entries = Object.entries(json);
  const filled = entries.filter(([, value]) => value !== null);
  const formOf = (row: JsonObject) =>
    DATA_FORMATS.find((format) => FORMAT_RULES[format].matches(row));
  if (filled.length === entries.length) return formOf(json);
  return formOf(Object.fromEntries(filled)) ?? formOf(json);
}

/** Names the forms with the fields that each must have. */
export function knownFormats(): string {
  return DATA_FORMATS.map((format) => `${format} (${FORMAT_RULES[format].fields})`).join(", ");
}

/** Returns the first of `names` that is a field of the row, rather one that is not null. */
export function fieldOf<const T extends string>(
  json: JsonObject,
  names: readonly T[],
): T | undefined {
  return names.find((name) => (json[name] ?? null) !== null) ??
    names.find((name) => Object.hasOwn(json, name));
}

/** Returns the fields of a question and its answer, which are two. */
export function questionAnswerFields(
  json: JsonObject,
): { readonly question: string; readonly answer: string } | undefined {
  const question = fieldOf(json, QUESTION_FIELDS);
  const answer = fieldOf(json, ANSWER_FIELDS);
  return question === undefined || answer === undefined ? undefined : { question, answer };
}

function valueOf(json: JsonObject, names: readonly string[]): unknown {
  const name = fieldOf(json, names);
  return name === undefined ? undefined : json[name];
}

/** Which tag names the speaker of a row's conversation; where that can't be seen the field's name decides. */
function conversationTag(json: JsonObject): "role" | "from" | undefined {
  const field = fieldOf(json, CONVERSATION_FIELDS);
  if (field === undefined) return undefined;
  const value = json[field];
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (isJsonObject(first)) {
    if ("from" in first && !("role" in first)) return "from";
    if ("role" in first) return "role";
  }
  if (typeof value === "string") return /^\s*\[\s*\{[^}]*?"from"\s*:/.test(value) ? "from" : "role";
  return field === "conversations" ? "from" : "role";
}
