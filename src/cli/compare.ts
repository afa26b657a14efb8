/**
 * `compare`: which of two models is better, with the numbers that show it.
 *
 * @module
 */

import { existsSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import type { Evaluation } from "../monitoring/evaluation/evaluation.ts";
import { readEvaluation } from "../monitoring/evaluation/evaluation_file.ts";
import type { Task } from "../monitoring/evaluation/task.ts";
import {
  type Comparison,
  comparisonPage,
  type LeaderboardEntry,
  ModelComparisonEngine,
} from "../monitoring/model_comparison_engine.ts";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes, formatDuration, formatRate } from "../utils/format.ts";
import { interruptible } from "./interrupt.ts";
import { integerOption, numberOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import {
  addTaskOptions,
  evaluateModel,
  openTaskOf,
  TASK_HELP,
  type TaskOptions,
} from "./task_options.ts";
import { print } from "./terminal.ts";

interface CompareOptions extends Omit<TaskOptions, "task"> {
  readonly task?: string;
  readonly device: DeviceWish;
  readonly threads?: number;
  readonly by?: string;
  readonly minimumEffect: number;
  readonly confidence: number;
  readonly json?: boolean;
  readonly html?: string;
}

/** Adds `compare` to `program`. */
export function registerCompare(program: Command): void {
  const command = program.command("compare <models...>")
    .description(
      "Judge models by the last one, on the same items: each is better, worse, or there is no evidence. A model is " +
        "what eval takes, or a file that eval wrote. The verdict is about the first: compare new old.",
    )
    .option("--task <task>", TASK_HELP);
  addTaskOptions(command)
    .option("--by <metric>", "the metric to compare (default: the task's first)")
    .option(
      "--minimum-effect <difference>",
      "smaller differences are no evidence",
      numberOption({ min: 0 }),
      0,
    )
    .option(
      "--confidence <part>",
      "of the interval and the verdict",
      numberOption({ min: 0.51, max: 0.9999 }),
      0.975,
    )
    .addOption(
      new Option("--device <device>", "where to run").choices(DEVICE_WISHES).default("auto"),
    )
    .option(
      "--threads <number>",
      "CPU threads (default: by the machine)",
      integerOption({ min: 1 }),
    )
    .option("--html <file>", "write a page with plots and the answers side by side")
    .option("--json", "print one JSON object")
    .action((models: readonly string[], options: CompareOptions) =>
      interruptible((signal) => run(models, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training compare runs/new runs/old --task held-out.jsonl",
    "llm-training compare runs/new runs/old --task builtin:syllo --level 2 --html report.html",
    "llm-training compare new.jsonl old.jsonl --minimum-effect 0.02 --json",
    "llm-training compare checkpoint-100 checkpoint-200 checkpoint-300 base --task my_task.yaml",
  ]);
}

async function run(
  models: readonly string[],
  options: CompareOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { by: metric, minimumEffect, confidence, html } = options;
  if (models.length < 2) {
    throw new UserError("Cannot compare one model alone: name another to judge it by");
  }
  const engine = new ModelComparisonEngine({ metric, minimumEffect, confidence });
  const evaluations = await evaluateAll(models, options);
  const reference = evaluations.at(-1)!;
  const comparisons = engine.compareMany(evaluations.slice(0, -1), reference);
  const leaderboard = evaluations.length > 2 ? engine.leaderboard(evaluations) : undefined;
  if (html !== undefined) {
    const page = { comparison: comparisons[0]!, candidate: evaluations[0]!, reference };
    await writeFileAtomic(html, comparisonPage(page));
  }
  if (options.json) {
    const [first, ...others] = comparisons.map(toJson);
    print(JSON.stringify(
      {
        ...first,
        ...(others.length > 0 ? { others } : {}),
        ...(leaderboard === undefined ? {} : { leaderboard: leaderboard.map(entryJson) }),
      },
      null,
      2,
    ));
    return;
  }
  for (const comparison of comparisons) describe(comparison).forEach(print);
  if (leaderboard !== undefined) {
    print("");
    for (const { rank, model, value } of leaderboard) {
      print(`${rank}. ${model}  ${value.toFixed(4)}`);
    }
  }
  if (html !== undefined) print(`page: ${html}`);
}

async function evaluateAll(
  models: readonly string[],
  options: CompareOptions & { readonly signal: AbortSignal },
): Promise<readonly Evaluation[]> {
  const { task: name, signal } = options;
  let task: Task | undefined;
  const evaluations: Evaluation[] = [];
  for (const model of models) {
    if (isEvaluationFile(model)) {
      evaluations.push(await readEvaluation(model));
      continue;
    }
    if (name === undefined) {
      throw new UserError(
        `Cannot evaluate "${model}" without a task: give --task, or files that eval wrote`,
      );
    }
    task ??= await openTaskOf({ ...options, task: name }, signal);
    const evaluation = await evaluateModel(task, {
      options: { ...options, weights: "f32", task: name, model },
      signal,
    });
    const { error: errors } = evaluation.outcomes;
    if (errors === task.items.length) {
      const first = evaluation.results[0]?.error;
      throw new UserError(
        `Cannot evaluate "${model}": no item has an answer, the first as: ${first}`,
      );
    }
    evaluations.push(withName(evaluation, evaluations, model));
  }
  return evaluations;
}

/** Models of one name are told apart by what was written. */
function withName(
  evaluation: Evaluation,
  others: readonly Evaluation[],
  written: string,
): Evaluation {
  const isTaken = others.some(({ model: { id } }) => id === evaluation.model.id);
  return isTaken ? { ...evaluation, model: { ...evaluation.model, id: written } } : evaluation;
}

function isEvaluationFile(name: string): boolean {
  return name.endsWith(".jsonl") && existsSync(name) && statSync(name).isFile();
}

function toJson(comparison: Comparison): Readonly<Record<string, unknown>> {
  const { pValue, correctedPValue, higherIsBetter, minimumEffect, detectableEffect } = comparison;
  const { verdict, difference, interval, confidence, n, wins, losses, ties, errors } = comparison;
  return {
    ...{ verdict, difference, interval, confidence },
    p_value: correctedPValue,
    uncorrected_p_value: pValue,
    ...{ n, wins, losses, ties, errors, test: comparison.test, metric: comparison.metric },
    higher_is_better: higherIsBetter,
    minimum_effect: minimumEffect,
    detectable_effect: detectableEffect,
    task: { name: comparison.task, hash: comparison.taskHash },
    candidate: modelJson(comparison.candidate),
    reference: modelJson(comparison.reference),
    summary: comparison.summary,
  };
}

function modelJson(model: Comparison["candidate"]): Readonly<Record<string, unknown>> {
  const { id, value, medianLatencyMs, tokensPerSecond, peakMemoryBytes } = model;
  return {
    id,
    value,
    performance: {
      median_latency_ms: medianLatencyMs,
      tokens_per_second: tokensPerSecond,
      peak_memory_bytes: peakMemoryBytes,
    },
  };
}

function entryJson({ rank, model, value, comparison }: LeaderboardEntry): unknown {
  return { rank, model, value, p_value: comparison?.correctedPValue ?? null };
}

function describe(comparison: Comparison): string[] {
  const { summary, verdict, wins, losses, ties, errors, test, candidate, reference } = comparison;
  const speed = (model: Comparison["candidate"]) =>
    `${model.id}: ${
      model.medianLatencyMs === null ? "no time" : formatDuration(model.medianLatencyMs)
    } for an item, ${
      model.tokensPerSecond === null ? "no speed" : formatRate(model.tokensPerSecond, "tokens")
    }, ${formatBytes(model.peakMemoryBytes)} of memory`;
  return [
    `verdict: ${verdict}`,
    summary,
    `items: ${wins} better, ${ties} equal, ${losses} worse (${test})${
      errors === 0 ? "" : `; ${errors} without an answer of both`
    }`,
    `beside quality: ${speed(candidate)}; ${speed(reference)}`,
  ];
}
