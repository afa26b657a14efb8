/**
 * `eval`: a model's numbers on a task, with the result of every item.
 *
 * @module
 */

import { join } from "node:path";
import type { Command } from "commander";
import type { Evaluation } from "../monitoring/evaluation/evaluation.ts";
import { writeEvaluation } from "../monitoring/evaluation/evaluation_file.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes, formatDuration, formatRate } from "../utils/format.ts";
import { resolveHome } from "../utils/paths.ts";
import { interruptible } from "./interrupt.ts";
import { addModelOptions, type ModelOptions, pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import {
  addTaskOptions,
  evaluateModel,
  openTaskOf,
  TASK_HELP,
  type TaskOptions,
} from "./task_options.ts";
import { print, printError } from "./terminal.ts";

interface EvalOptions extends ModelOptions, TaskOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** Adds `eval` to `program`. */
export function registerEval(program: Command): void {
  const command = program.command("eval")
    .description(
      "Measure a model on a task: the loss on a data file, choices by likelihood, texts by exact match, or what a " +
        "skill's scorer says. The result of every item is kept.",
    );
  addTaskOptions(addModelOptions(command).requiredOption("--task <task>", TASK_HELP))
    .option(
      "--output <file>",
      "where to write the result of every item, as JSON Lines (default: evaluations/ in the home folder)",
    )
    .option("--json", "print one JSON object")
    .action((options: EvalOptions) => interruptible((signal) => run(options, signal)));
  addExamples(command, [
    "llm-training eval --model runs/my-run --task held-out.jsonl",
    "llm-training eval --model my-model --task builtin:syllo --level 2 --limit 50 --json",
    "llm-training eval --model my-model --task gsm8k --data gsm8k/ --limit 200",
    "llm-training eval --model my-model --task my_task.yaml --output items.jsonl",
  ]);
}

async function run(options: EvalOptions, signal: AbortSignal): Promise<void> {
  const task = await openTaskOf(options, signal);
  const evaluation = await evaluateModel(task, { options, signal });
  const output = options.output ?? await defaultOutput(evaluation);
  await writeEvaluation(output, evaluation);
  if (options.json) print(JSON.stringify(toJson(evaluation, output), null, 2));
  else describe(evaluation, output).forEach(print);
  const { error: errors } = evaluation.outcomes;
  if (errors === 0) return;
  const first = evaluation.results.find(({ outcome }) => outcome === "error")?.error;
  const state =
    `${errors} of ${evaluation.results.length} items have no answer, the first as: ${first}`;
  if (errors === evaluation.results.length) throw new UserError(`Cannot evaluate: ${state}`);
  printError(`warning: ${state}`);
}

async function defaultOutput({ task, model }: Evaluation): Promise<string> {
  const folder = join(resolveHome(pathContext()).path, "evaluations");
  await Deno.mkdir(folder, { recursive: true });
  const time = new Date().toISOString().replace(/[:.]/g, "-");
  const name = `${task.name}-${model.id}-${time}`.replace(/[^\w.-]+/g, "_");
  return join(folder, `${name}.jsonl`);
}

function toJson(evaluation: Evaluation, output: string): unknown {
  const { task, model, metrics, outcomes, perplexity, performance, results } = evaluation;
  return {
    model,
    task: { ...task, items: results.length },
    n: results.length - outcomes.error,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([name, { value, standardError, n }]) => [
        name,
        { value, standard_error: standardError, n },
      ]),
    ),
    ...(perplexity === null ? {} : { perplexity }),
    outcomes,
    errors: outcomes.error,
    token_limit: outcomes["token-limit"],
    performance: {
      duration_ms: performance.durationMs,
      median_latency_ms: performance.medianLatencyMs,
      tokens_per_second: performance.tokensPerSecond,
      peak_memory_bytes: performance.peakMemoryBytes,
    },
    results_file: output,
    items: results,
  };
}

function describe(evaluation: Evaluation, output: string): string[] {
  const { task, model, metrics, outcomes, perplexity, performance, results } = evaluation;
  const { medianLatencyMs, tokensPerSecond, peakMemoryBytes } = performance;
  const width = Math.max(...Object.keys(metrics).map(({ length }) => length), "perplexity".length);
  const counts = Object.entries(outcomes).filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`);
  return [
    `${task.name} (version ${task.version}, ${results.length} items, hash ${task.hash}${
      task.seed === null ? "" : `, seed ${task.seed}`
    }) with ${model.id} on ${model.device}`,
    ...Object.entries(metrics).map(([name, { value, standardError }]) =>
      `${name.padEnd(width)}  ${value.toFixed(4)}${
        standardError === null ? "" : ` ± ${standardError.toFixed(4)}`
      }`
    ),
    ...(perplexity === null ? [] : [`${"perplexity".padEnd(width)}  ${perplexity.toFixed(4)}`]),
    `items: ${counts.join(", ")}`,
    `time: ${formatDuration(performance.durationMs)}${
      medianLatencyMs === null ? "" : `, ${formatDuration(medianLatencyMs)} for an item`
    }${tokensPerSecond === null ? "" : `, ${formatRate(tokensPerSecond, "tokens")}`}; ${
      formatBytes(peakMemoryBytes)
    } of memory`,
    `every item: ${output}`,
  ];
}
