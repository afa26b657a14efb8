/**
 * Files that models are trained on, as tasks: the loss of each row, or whether the answer comes out word for word.
 *
 * @module
 */

import type { FormatChoice } from "../../datasets/formats.ts";
import { type Row, rowError } from "../../datasets/row.ts";
import { sourceSegments } from "../../datasets/preview.ts";
import { describeSources } from "../../datasets/sources/describe_sources.ts";
import { readRows, type UsableRow } from "../../datasets/sources/read_rows.ts";
import { createTask } from "./create_task.ts";
import { isExactMatch, STRICT_MATCH } from "./exact_match.ts";
import type { GenerateRequest, Task, TaskItem } from "./task.ts";

/** How rows are measured. */
export const DATA_METRICS = ["loss", "exact_match"] as const;

/** How rows are measured. */
export type DataMetric = (typeof DATA_METRICS)[number];

/** Options of {@linkcode dataTask}. */
export interface DataTaskOptions {
  /** What to call the task. */
  readonly name: string;
  /** How rows are measured. @default {"loss"} */
  readonly metric?: DataMetric | undefined;
  /** The form of the rows. @default {found out} */
  readonly format?: FormatChoice | undefined;
  /** How many items, the first ones. @default {all} */
  readonly limit?: number | undefined;
  /** The most tokens of an answer. @default {twice what the right one takes} */
  readonly maxTokens?: number | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a task of a file in any form that `train` reads.
 *
 * @throws {UserError} If a row cannot be used; the message names its line.
 */
export async function dataTask(path: string, options: DataTaskOptions): Promise<Task> {
  const { name, metric = "loss", format, limit = Infinity, signal } = options;
  const files = await describeSources(path, { format, signal });
  const items: Omit<TaskItem, "id">[] = [];
  for await (const row of readRows(files, { signal })) {
    if (items.length >= limit) break;
    if (row.problem !== undefined) throw row.error;
    items.push(metric === "loss" ? lossItem(row) : matchItem(row, options));
  }
  return createTask({
    ...{ name, items, source: path },
    version: "1",
    kind: metric === "loss" ? "loss" : "generate_until",
    seed: null,
    metrics: metric === "loss"
      ? [
        { name: "loss", higherIsBetter: false, isBinary: false },
        { name: "token_accuracy", higherIsBetter: true, isBinary: false },
      ]
      : [{ name: "exact_match", higherIsBetter: true, isBinary: true }],
    rules: metric,
  });
}

function lossItem({ row, place }: UsableRow): Omit<TaskItem, "id"> {
  const segments = sourceSegments(row);
  const textOf = (trained: boolean) =>
    segments.filter((each) => each.trained === trained).map(({ text }) => text).join("");
  return { prompt: textOf(false), expected: textOf(true), request: { kind: "loss", row, place } };
}

function matchItem(
  { row, place }: UsableRow,
  { maxTokens }: DataTaskOptions,
): Omit<TaskItem, "id"> {
  const asked = questionOf(row);
  if (asked === undefined) {
    throw rowError(place, "exact_match needs a prompt and an answer; use --metric loss");
  }
  const { prompt, answer } = asked;
  return {
    prompt: prompt.text,
    expected: answer,
    request: {
      kind: "generate",
      ...{ prompt, answer, maxTokens, stop: [], temperature: 0 },
      score: (text) => ({
        scores: {
          exact_match: isExactMatch(text.trim(), answer.trim(), STRICT_MATCH) ? 1 : 0,
        },
      }),
    },
  };
}

function questionOf(row: Row): Pick<GenerateRequest, "prompt" | "answer"> | undefined {
  switch (row.kind) {
    case "completion":
      return { prompt: { text: row.prompt }, answer: row.completion };
    case "messages": {
      const last = row.messages.at(-1);
      const before = row.messages.slice(0, -1);
      if (last?.role !== "assistant" || before.length === 0) return undefined;
      const text = `${before.map(({ content }) => content).join("\n")}\n`;
      return { prompt: { text, messages: before }, answer: last.content };
    }
    case "text":
    case "tokens":
      return undefined;
  }
}
