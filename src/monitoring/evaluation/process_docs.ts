/**
 * Functions by which tasks of lm-evaluation-harness make rows of rows, where these are Python code.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TaskDescription } from "./task_description.ts";

/** Makes a row of a row. */
export type ProcessDoc = (row: JsonObject) => JsonObject;

const TASKS: Readonly<Record<string, ProcessDoc>> = { hellaswag: processHellaswag };

/**
 * Returns the function that a description names.
 *
 * @throws {UserError} If it is not known here.
 */
export function processDocOf({ processDocs, task, source }: TaskDescription): ProcessDoc {
  if (processDocs === undefined) return (row) => row;
  const known = Object.hasOwn(TASKS, task) ? TASKS[task] : undefined;
  if (known !== undefined) return known;
  throw new UserError(
    `Cannot read "${source}": "process_docs" is Python code (${processDocs}), which is known here for ${
      Object.keys(TASKS).join(", ")
    } alone; write rows that need none and leave it out`,
  );
}

/** The beginning of a story and its four ends, without what the source's markup left. */
function processHellaswag(row: JsonObject): JsonObject {
  const column = (name: string) => String(row[name] ?? "");
  const context = `${column("ctx_a")} ${capitalized(column("ctx_b"))}`;
  const endings = Array.isArray(row["endings"]) ? row["endings"] : [];
  return {
    ...row,
    query: withoutMarkup(`${column("activity_label")}: ${context}`),
    choices: endings.map((ending) => withoutMarkup(String(ending))),
    gold: Number(row["label"]),
  };
}

/** The first letter in upper case and, as Python has it, all others in lower case. */
function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

function withoutMarkup(text: string): string {
  return text.trim().replaceAll(" [title]", ". ").replace(/\[.*?\]/g, "").replaceAll("  ", " ");
}
