/**
 * Evaluations on disk: JSON Lines, first what was evaluated and what came out, then one line for each item.
 *
 * @module
 */

import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { parseJson } from "../../utils/json.ts";
import { type EvaluatedModel, type Evaluation, type ItemResult, OUTCOMES } from "./evaluation.ts";
import { summarize } from "./summarize.ts";
import { TASK_KINDS, type TaskIdentity } from "./task.ts";

/** The form of the file. */
const FORMAT = "llm-training evaluation 1";

/**
 * Writes an evaluation.
 *
 * @throws {UserError} If the place cannot be written.
 */
export async function writeEvaluation(path: string, evaluation: Evaluation): Promise<void> {
  const { results, ...head } = evaluation;
  const lines = [{ format: FORMAT, ...head }, ...results].map((each) => JSON.stringify(each));
  await writeFileAtomic(path, `${lines.join("\n")}\n`);
}

/**
 * Reads an evaluation.
 *
 * @throws {UserError} If it cannot be read, or is none.
 */
export async function readEvaluation(path: string): Promise<Evaluation> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  const [first = "", ...lines] = text.trimEnd().split("\n");
  const head = parseJson(first, path) as
    & { readonly format?: unknown }
    & Omit<Evaluation, "results">;
  if (typeof head !== "object" || head === null || head.format !== FORMAT) {
    throw new UserError(`Cannot read "${path}": it is no evaluation; eval writes one`);
  }
  const results = lines.map((line) => parseJson(line, path) as ItemResult);
  const task: TaskIdentity | undefined = head.task;
  const model: EvaluatedModel | undefined = head.model;
  const isWhole = TASK_KINDS.includes(task?.kind) && Array.isArray(task?.metrics) &&
    typeof model?.id === "string" &&
    results.every(({ id, outcome }) => typeof id === "string" && OUTCOMES.includes(outcome));
  if (!isWhole) throw new UserError(`Cannot read "${path}": it is no whole evaluation`);
  const { performance } = head;
  return { task, model, performance, ...summarize(task, results), results };
}
