/**
 * Rows of two texts: what is given and what is to follow.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../utils/json.ts";
import { finishConversation, type Turn } from "./conversation.ts";
import { type Fail, listOf, optionalText, shown, textField } from "./fields.ts";
import {
  ANSWER_FIELDS,
  fieldOf,
  INPUT_FIELDS,
  OUTPUT_FIELDS,
  QUESTION_FIELDS,
  questionAnswerFields,
} from "./formats.ts";
import { parseTurns, systemOf } from "./parse_messages.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";
import { parseTools } from "./parse_tools.ts";

/** Parses a row with `prompt` and `completion`: two texts, or two lists of messages. */
export function parsePromptCompletion(json: JsonObject, { fail }: RowContext): ParsedRow {
  const { prompt, completion } = json;
  if (isConversation(prompt) || isConversation(completion)) {
    const given = turnsOf(prompt, { key: "prompt", role: "user", fail });
    const answer = turnsOf(completion, { key: "completion", role: "assistant", fail });
    return finishConversation({
      key: "completion",
      turns: [...given.map(({ message }) => ({ message, trained: false })), ...answer],
      system: systemOf(json, fail),
      tools: parseTools(json, fail),
      json,
      fail,
    });
  }
  const texts = {
    prompt: textField(json, "prompt", fail),
    completion: textField(json, "completion", fail),
  };
  if (texts.completion.trim() === "") {
    throw fail("empty-answer", '"completion" is empty, so there is nothing to train');
  }
  return { row: { kind: "completion", ...texts }, warnings: [] };
}

/** Parses a row with `instruction` and `output`, and perhaps `input`, `system` and `history`. */
export function parseAlpaca(json: JsonObject, { fail }: RowContext): ParsedRow {
  const output = fieldOf(json, OUTPUT_FIELDS) ?? "output";
  const input = fieldOf(json, INPUT_FIELDS) ?? "input";
  const instruction = textField(json, "instruction", fail);
  const more = optionalText(json, input, fail);
  const question = [instruction, more ?? ""].filter((text) => text.trim() !== "").join("\n");
  if (question === "") {
    throw fail(
      "empty-content",
      '"instruction" is empty',
      "write what is asked for or remove the row",
    );
  }
  return finishConversation({
    key: output,
    turns: [
      ...historyOf(json, fail),
      { message: { role: "user", content: question } },
      { message: { role: "assistant", content: answerOf(json, output, fail) } },
    ],
    system: systemOf(json, fail),
    tools: parseTools(json, fail),
    json,
    fail,
  });
}

/** Parses a row with a question and its answer, whatever the two are called. */
export function parseQuestionAnswer(json: JsonObject, { fail }: RowContext): ParsedRow {
  const fields = questionAnswerFields(json);
  const question = fields?.question ?? QUESTION_FIELDS[0];
  const answer = fields?.answer ?? ANSWER_FIELDS[0];
  const asked = textField(json, question, fail);
  if (asked.trim() === "") {
    throw fail("empty-content", `"${question}" is empty`, "write what is asked or remove the row");
  }
  return finishConversation({
    key: answer,
    turns: [
      { message: { role: "user", content: asked } },
      { message: { role: "assistant", content: answerOf(json, answer, fail) } },
    ],
    system: systemOf(json, fail),
    tools: parseTools(json, fail),
    json,
    fail,
  });
}

/** Returns the turns at `key`: a list of messages, or a text that `role` says. */
export function turnsOf(
  value: unknown,
  { key, role, fail }: {
    readonly key: string;
    readonly role: ChatMessage["role"];
    readonly fail: Fail;
  },
): readonly Turn[] {
  if (typeof value !== "string" || isConversation(value)) return parseTurns(value, { key, fail });
  if (value.trim() === "") {
    const code = role === "assistant" ? "empty-answer" : "empty-content";
    throw fail(code, `"${key}" is empty`, `write what the ${role} says`);
  }
  return [{ message: { role, content: value } }];
}

/** Whether a value is a list, or the JSON of one, and no text. */
function isConversation(value: unknown): boolean {
  return Array.isArray(value) ||
    typeof value === "string" && /^\s*\[\s*\{\s*"(?:role|content)"/.test(value) &&
      listOf(value) !== undefined;
}

function answerOf(json: JsonObject, key: string, fail: Fail): string {
  const answer = textField(json, key, fail);
  if (answer.trim() === "") {
    throw fail("empty-answer", `"${key}" is empty, so there is nothing to train`);
  }
  return answer;
}

/** What was asked and answered before: a list of pairs. */
function historyOf(json: JsonObject, fail: Fail): Turn[] {
  const { history } = json;
  if (history === undefined || history === null || history === "") return [];
  const wanted = '"history" must be a list of pairs of a question and its answer';
  const list = listOf(history);
  if (list === undefined) throw fail("wrong-type", `${wanted}: current value is ${shown(history)}`);
  return list.flatMap((pair): Turn[] => {
    if (!Array.isArray(pair) || pair.length !== 2) throw fail("wrong-type", wanted);
    const [question, answer]: unknown[] = pair;
    if (typeof question !== "string" || typeof answer !== "string") {
      throw fail("wrong-type", wanted);
    }
    return [
      { message: { role: "user", content: question } },
      { message: { role: "assistant", content: answer } },
    ];
  });
}
