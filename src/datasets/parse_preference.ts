/**
 * Rows with an answer that is preferred to another, or that is called good or bad.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { finishConversation, type Turn } from "./conversation.ts";
import { type Fail, isJsonObject, optionalText, textField } from "./fields.ts";
import {
  CONVERSATION_FIELDS,
  fieldOf,
  INPUT_FIELDS,
  PREFERENCE_FIELDS,
  QUESTION_FIELDS,
  VERDICT_FIELDS,
} from "./formats.ts";
import { systemOf } from "./parse_messages.ts";
import { parsePromptCompletion, turnsOf } from "./parse_pairs.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";
import { parseSharegpt, parseSharegptTurns } from "./parse_sharegpt.ts";
import { parseTools } from "./parse_tools.ts";

/** What is said of preference rows, which nothing is trained on yet. */
export const PREFERENCE_NOTE =
  "preference rows are for training by preference (DPO, KTO), which is not there yet";

/** Says that preference rows can't be trained on as they are, once they are seen to be such. */
export function refusePreference(json: JsonObject, context: RowContext): never {
  const { verdict } = parsePreference(json, context);
  throw context.fail(
    "preference-row",
    PREFERENCE_NOTE,
    verdict === undefined
      ? 'give "--format chosen" to train on the chosen answers alone'
      : 'give "--format chosen" to train on the good answers alone',
  );
}

/** Parses a preference row as a conversation that ends in the chosen answer. */
export function parseChosen(json: JsonObject, context: RowContext): ParsedRow {
  const { parsed, verdict } = parsePreference(json, context);
  if (verdict !== false) return parsed;
  throw context.fail("preference-row", "its answer is called bad, so it is not to be trained on");
}

interface Preference {
  /** The row with its good answer. */
  readonly parsed: ParsedRow;
  /** Whether the answer is good, where the row has but one. */
  readonly verdict: boolean | undefined;
}

function parsePreference(json: JsonObject, context: RowContext): Preference {
  const { fail } = context;
  const pair = PREFERENCE_FIELDS.find((names) => names.every((name) => isThere(json[name]))) ??
    PREFERENCE_FIELDS.find((names) => names.every((name) => name in json));
  if (pair === undefined) return parseVerdict(json, context);
  const [chosen, rejected] = pair;
  const given = promptOf(json, fail);
  const answer = answerOf(json[chosen], { key: chosen, fail });
  answerOf(json[rejected], { key: rejected, fail });
  const rest = given.length > 0 && beginsWith(answer, given) ? answer.slice(given.length) : answer;
  const parsed = finishConversation({
    key: chosen,
    // without a prompt of its own the answer holds the whole conversation
    turns: given.length > 0
      ? [...given.map(({ message }) => ({ message, trained: false })), ...rest]
      : rest.map(({ message }, i) => ({ message, trained: i === rest.length - 1 })),
    system: systemOf(json, fail),
    tools: parseTools(json, fail),
    json,
    fail,
  });
  return { parsed, verdict: undefined };
}

/** Parses a row whose answer is called good or bad. */
function parseVerdict(json: JsonObject, context: RowContext): Preference {
  const { fail } = context;
  const field = fieldOf(json, VERDICT_FIELDS);
  if (field === undefined) throw fail("missing-field", '"chosen" and "rejected" are missing');
  const verdict = json[field];
  if (typeof verdict !== "boolean") throw fail("wrong-type", `"${field}" must be true or false`);
  const parse = isThere(json.completion) ? parsePromptCompletion : parseSharegpt;
  return { parsed: parse(json, context), verdict };
}

function promptOf(json: JsonObject, fail: Fail): readonly Turn[] {
  if (isThere(json.prompt)) return turnsOf(json.prompt, { key: "prompt", role: "user", fail });
  const conversation = fieldOf(json, CONVERSATION_FIELDS);
  if (conversation !== undefined && isThere(json[conversation])) {
    return parseSharegptTurns(json[conversation], { key: conversation, fail });
  }
  if (isThere(json.instruction)) {
    const input = optionalText(json, fieldOf(json, INPUT_FIELDS) ?? "input", fail);
    const text = [textField(json, "instruction", fail), input ?? ""]
      .filter((each) => each.trim() !== "").join("\n");
    return turnsOf(text, { key: "instruction", role: "user", fail });
  }
  const question = fieldOf(json, QUESTION_FIELDS);
  return question === undefined || !isThere(json[question])
    ? []
    : turnsOf(json[question], { key: question, role: "user", fail });
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function answerOf(
  value: unknown,
  { key, fail }: { readonly key: string; readonly fail: Fail },
): readonly Turn[] {
  if (isJsonObject(value)) return parseSharegptTurns([value], { key, fail });
  if (Array.isArray(value)) return parseSharegptTurns(value, { key, fail });
  return turnsOf(value, { key, role: "assistant", fail });
}

/** Some sets repeat the prompt in the answers. */
function beginsWith(turns: readonly Turn[], prefix: readonly Turn[]): boolean {
  return turns.length > prefix.length &&
    prefix.every(({ message }, i) =>
      turns[i]!.message.role === message.role && turns[i]!.message.content === message.content
    );
}
