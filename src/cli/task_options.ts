/**
 * The options that say what models are measured on.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { FORMAT_CHOICES, type FormatChoice } from "../datasets/formats.ts";
import { loadModel } from "../inference/generation/load_model.ts";
import { DATA_METRICS, type DataMetric } from "../monitoring/evaluation/data_task.ts";
import { evaluate } from "../monitoring/evaluation/evaluate.ts";
import type { Evaluation } from "../monitoring/evaluation/evaluation.ts";
import { createEvaluationModel } from "../monitoring/evaluation/evaluation_model.ts";
import { openTask } from "../monitoring/evaluation/open_task.ts";
import type { Task } from "../monitoring/evaluation/task.ts";
import { findModelAndAdapter, type ModelOptions, pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { writeError } from "./terminal.ts";

/** What the options give. */
export interface TaskOptions {
  /** A task's name, file, description or skill. */
  readonly task: string;
  /** How many items. */
  readonly limit?: number;
  /** Seed of items or examples that are drawn. */
  readonly seed?: number;
  /** How hard a skill's items are. */
  readonly level?: number;
  /** Examples before an item. */
  readonly numFewshot?: number;
  /** The most tokens of an answer. */
  readonly maxTokens?: number;
  /** How rows of data are measured. */
  readonly metric?: DataMetric;
  /** The form of rows of data. */
  readonly format?: FormatChoice;
  /** File or folder with the items of a description. */
  readonly data?: string;
  /** Ask by conversations. */
  readonly applyChatTemplate?: boolean;
  /** What goes before everything else. */
  readonly systemInstruction?: string;
  /** File with the examples of a description. */
  readonly fewshotData?: string;
  /** Items at once. */
  readonly batchSize?: number;
}

/** What `--task` takes, in the words of every command's help. */
export const TASK_HELP =
  "a data file, a task description (.yaml), a skill (builtin:syllo) or a known task (gsm8k)";

/** Adds all options but `--task` to `command`. */
export function addTaskOptions(command: Command): Command {
  return command
    .option(
      "--limit <n>",
      "how many items (default: all; 100 of a skill)",
      integerOption({ min: 1 }),
    )
    .option("--seed <n>", "seed of what is drawn", integerOption({ min: 0, max: 2 ** 32 - 1 }))
    .option("--level <n>", "how hard a skill's items are, from 1", integerOption({ min: 1 }))
    .option("--num-fewshot <n>", "examples before each item", integerOption({ min: 0 }))
    .option(
      "--apply-chat-template",
      "ask a described or known task by conversations in the model's own form, examples as turns",
    )
    .option("--system-instruction <text>", "what goes before everything else in such a task")
    .option("--max-tokens <n>", "the most tokens of an answer", integerOption({ min: 1 }))
    .addOption(
      new Option("--metric <metric>", "how rows of data are measured (default: by what they have)")
        .choices(DATA_METRICS),
    )
    .addOption(
      new Option("--format <form>", "the form of rows of data (default: found out)")
        .choices(FORMAT_CHOICES),
    )
    .option("--data <path>", "file or folder with the items of a described or known task")
    .option("--fewshot-data <file>", "file with the examples of a described or known task")
    .option("--batch-size <n>", "items at once (default: 16)", integerOption({ min: 1 }));
}

/** Opens the task that the options name. */
export function openTaskOf(options: TaskOptions, signal: AbortSignal): Promise<Task> {
  return openTask(options.task, { ...options, folder: Deno.cwd(), signal });
}

/** Evaluates the model that the options name, and shows how it goes on standard error. */
export async function evaluateModel(
  task: Task,
  { options, signal }: {
    readonly options: TaskOptions & Omit<ModelOptions, "model"> & { readonly model: string };
    readonly signal: AbortSignal;
  },
): Promise<Evaluation> {
  const { device, threads, batchSize: concurrency = 16, seed = 0 } = options;
  const { folder, id, adapter } = await findModelAndAdapter(options, { context: pathContext() });
  await using loaded = await loadModel(folder, {
    device,
    adapter,
    ...(threads === undefined ? {} : { threads }),
  });
  const isTerminal = Deno.stderr.isTerminal();
  const show = (done: number) => {
    if (isTerminal) writeError(`\r${id}: ${done} of ${task.items.length} items`);
  };
  const evaluation = await evaluate(task, {
    model: createEvaluationModel(loaded, { id, concurrency }),
    identity: { id, folder: adapter ?? folder, device: loaded.device },
    ...{ concurrency, seed, signal },
    onItem: (_, done) => show(done),
  });
  if (isTerminal) writeError("\n");
  return evaluation;
}
