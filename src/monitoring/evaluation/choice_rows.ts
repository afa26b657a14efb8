/**
 * Rows of multiple choice as files have them, without a description: question, choices and which of them is right.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { createTask } from "./create_task.ts";
import { choiceRequest } from "./description_requests.ts";
import type { DocFields } from "./doc_fields.ts";
import type { Task } from "./task.ts";
import { parseTaskDescription } from "./task_description.ts";

const QUESTION_FIELDS = ["question", "query", "prompt", "user_prompt", "ctx", "context", "input"];
const CHOICE_FIELDS = ["choices", "options", "endings"];
const GOLD_FIELDS = [
  ...["answer", "answerKey", "gold", "label", "answer_index", "answer_idx", "correct", "target"],
  ...["correct_answer", "expected_answer"],
];

/** Returns whether a row has a question, choices and an answer. */
export function isChoiceRow(row: JsonObject): boolean {
  return choicesOf(row) !== undefined && fieldIn(row, GOLD_FIELDS) !== undefined &&
    fieldIn(row, QUESTION_FIELDS) !== undefined;
}

/** Options of {@linkcode choiceTask}. */
export interface ChoiceTaskOptions {
  /** The file. */
  readonly source: string;
  /** What to call the task. */
  readonly name: string;
  /** How many items, the first ones. @default {all} */
  readonly limit?: number | undefined;
}

/**
 * Makes a task of rows of multiple choice.
 *
 * @throws {UserError} If a row is none.
 */
export function choiceTask(rows: readonly JsonObject[], options: ChoiceTaskOptions): Task {
  const { source, name, limit = Infinity } = options;
  const description = parseTaskDescription({
    task: name,
    output_type: "multiple_choice",
    doc_to_text: "question",
    doc_to_choice: "choices",
    doc_to_target: "answer",
  }, { source, folder: "." });
  const make = choiceRequest(description);
  const items = rows.slice(0, limit).map((row, i) =>
    make(docOf(row, `row ${i + 1} of "${source}"`), { text: "" })
  );
  return createTask({
    ...{ name, source, items },
    version: "1",
    kind: "multiple_choice",
    seed: null,
    metrics: make.metrics,
    rules: "choices by likelihood",
  });
}

function docOf(row: JsonObject, place: string): DocFields {
  const found = choicesOf(row);
  const [questionField, goldField] = [fieldIn(row, QUESTION_FIELDS), fieldIn(row, GOLD_FIELDS)];
  if (found === undefined || questionField === undefined || goldField === undefined) {
    throw new UserError(
      `Cannot use ${place}: multiple choice needs a question, choices and an answer`,
    );
  }
  const question = String(row[questionField]);
  // what choices continue is put as it is, what they answer is put as a question
  const continues = questionField === "ctx" || found.field === "endings";
  const target = goldOf(row[goldField], found);
  if (target === undefined) {
    throw new UserError(
      `Cannot use ${place}: its answer ${JSON.stringify(row[goldField])} is none of ${
        JSON.stringify(found.choices)
      }`,
    );
  }
  return {
    row,
    question: continues ? question : `Question: ${question.trim()}\nAnswer:`,
    inputIndex: undefined,
    choices: found.choices,
    targets: [target],
    prefix: "",
  };
}

interface Choices {
  readonly field: string;
  readonly choices: readonly string[];
  readonly labels: readonly string[];
}

function choicesOf(row: JsonObject): Choices | undefined {
  for (const field of CHOICE_FIELDS) {
    const value = row[field];
    if (Array.isArray(value) && value.length > 1) {
      const texts = value.map(textOf);
      if (texts.some((text) => text === undefined)) continue;
      return { field, choices: texts as string[], labels: letters(value.length) };
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    const { text, label } = value as JsonObject;
    if (Array.isArray(text)) {
      const labels = Array.isArray(label) ? label.map(String) : letters(text.length);
      return { field, choices: text.map(String), labels };
    }
    const entries = Object.entries(value);
    if (entries.length > 1 && entries.every(([, each]) => typeof each === "string")) {
      return {
        field,
        choices: entries.map(([, each]) => String(each)),
        labels: entries.map(([key]) => key),
      };
    }
  }
  return undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "object" && value !== null && "text" in value) return String(value.text);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** A label goes before a choice's text, and both before an index written as text. */
function goldOf(value: unknown, { choices, labels }: Choices): number | undefined {
  const isIndex = (index: number) =>
    Number.isInteger(index) && index >= 0 && index < choices.length;
  if (typeof value === "number") return isIndex(value) ? value : undefined;
  const text = String(value).trim();
  for (const list of [labels, choices]) {
    const index = list.indexOf(text);
    if (index >= 0) return index;
  }
  return /^\d+$/.test(text) && isIndex(Number(text)) ? Number(text) : undefined;
}

function fieldIn(row: JsonObject, names: readonly string[]): string | undefined {
  return names.find((name) => row[name] !== undefined && row[name] !== null);
}

function letters(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(65 + i));
}
