/**
 * What a row of a described task says: question, choices and answer.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { parsePythonLiteral } from "./python_literal.ts";
import type { TaskDescription } from "./task_description.ts";
import type { TaskTemplate } from "./task_template.ts";

/** A row's question, choices and answer. */
export interface DocFields {
  /** The row. */
  readonly row: JsonObject;
  /** The question. */
  readonly question: string;
  /** Where the choices complete the question instead of the answer: which of them is right. */
  readonly inputIndex: number | undefined;
  /** The choices, none where a text is generated. */
  readonly choices: readonly string[];
  /** What is right: texts, or indices of choices. */
  readonly targets: readonly (string | number)[];
  /** What the answer begins with. */
  readonly prefix: string;
}

/**
 * Reads a row.
 *
 * @throws {UserError} If it lacks what the description names.
 */
export function readDoc(
  row: JsonObject,
  { description, template }: {
    readonly description: TaskDescription;
    readonly template: TaskTemplate;
  },
): DocFields {
  const { docToText, docToTarget, docToChoice, genPrefix } = description;
  const choices = docToChoice === undefined
    ? []
    : typeof docToChoice === "string"
    ? template.list(docToChoice, row).map(String)
    : docToChoice;
  const question = typeof docToText === "number" ? docToText : template.value(docToText, row);
  const isIndex = choices.length > 0 &&
    (typeof question === "number" || /^\d+$/.test(String(question)));
  return {
    row,
    question: isIndex ? "" : template.text(String(docToText), row),
    inputIndex: isIndex ? Number(question) : undefined,
    choices,
    targets: [targetOf(row, { docToTarget, template, hasChoices: choices.length > 0 })].flat(),
    prefix: genPrefix === undefined ? "" : template.text(genPrefix, row),
  };
}

/** Returns the answer as examples have it. */
export function answerText(doc: DocFields, { source }: TaskDescription): string {
  const [target] = doc.targets;
  const answer = typeof target === "number" && doc.choices.length > 0
    ? doc.choices[target]
    : target === undefined
    ? undefined
    : String(target);
  if (answer !== undefined) return answer;
  throw new UserError(
    `Cannot make an example of "${source}": its answer ${
      JSON.stringify(target)
    } is none of ${doc.choices.length} choices`,
  );
}

/** Whether two texts would run into each other. */
export function bordersOn(before: string, after: string): boolean {
  return before !== "" && after !== "" && !/\s$/.test(before) && !/^\s/.test(after);
}

function targetOf(
  row: JsonObject,
  { docToTarget, template, hasChoices }: {
    readonly docToTarget: TaskDescription["docToTarget"];
    readonly template: TaskTemplate;
    readonly hasChoices: boolean;
  },
): (string | number) | (string | number)[] {
  if (typeof docToTarget !== "string") return docToTarget as number | (string | number)[];
  const value = template.value(docToTarget, row);
  if (Array.isArray(value)) return value;
  if (typeof value === "boolean") return hasChoices ? Number(value) : value ? "True" : "False";
  if (typeof value === "number") return value;
  const text = String(value);
  if (Object.hasOwn(row, docToTarget)) return text;
  if (hasChoices && /^\d+$/.test(text)) return Number(text);
  const list = /^\[[\s\S]*\]$/.test(text) ? parsePythonLiteral(text) : undefined;
  return Array.isArray(list) ? list : text;
}
