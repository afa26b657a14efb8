/**
 * `run list`: the runs in the home, the newest first.
 *
 * @module
 */

import type { Command } from "commander";
import { runFolders } from "../monitoring/runs/find_run.ts";
import { readRun, type Run, summaryOf } from "../monitoring/runs/read_run.ts";
import { UserError } from "../utils/errors.ts";
import { columns } from "./columns.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import {
  addRunOptions,
  datasetName,
  formatMetric,
  localTime,
  modelName,
  type RunCommandOptions,
  runPlaces,
  runSummary,
  totalSteps,
} from "./run_options.ts";
import { print, printError } from "./terminal.ts";

interface RunListOptions extends RunCommandOptions {
  readonly limit?: number;
}

/** Adds `run list` to `run`. */
export function registerRunList(run: Command): void {
  const command = addRunOptions(
    run.command("list")
      .description("List the runs in the home, the newest first, with what has become of them."),
  )
    .option("--limit <number>", "how many at most (default: all)", integerOption({ min: 1 }))
    .action(list);
  addExamples(command, [
    "llm-training run list",
    "llm-training run list --limit 5 --json",
  ]);
}

async function list(options: RunListOptions): Promise<void> {
  const { runs: folder } = runPlaces(options);
  const all = await Promise.all((await runFolders(folder)).map(readable));
  const runs = all
    .filter((run) => run !== undefined)
    .toSorted((a, b) => b.started.localeCompare(a.started) || b.id.localeCompare(a.id))
    .slice(0, options.limit);
  if (options.json) return print(JSON.stringify({ folder, runs: runs.map(runSummary) }));
  if (runs.length === 0) {
    return printError(
      `there are no runs in "${folder}" yet; begin one with: llm-training train`,
    );
  }
  const header = ["run", "state", "steps", "loss", "best eval", "model", "data", "started"];
  for (const line of columns([header, ...runs.map(row)], { right: [2, 3, 4] })) print(line);
}

/** One run that cannot be read does not hide the others. */
async function readable(folder: string): Promise<Run | undefined> {
  try {
    return await readRun(folder);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    printError(`warning: ${error.message}`);
    return undefined;
  }
}

function row(run: Run): string[] {
  const total = totalSteps(run);
  const step = run.metrics.at(-1)?.step ?? 0;
  return [
    run.id,
    run.state,
    total === undefined ? String(step) : `${step}/${total}`,
    formatMetric(summaryOf(run.metrics, "loss")?.last.value),
    formatMetric(run.best?.value),
    modelName(run) ?? "–",
    datasetName(run) ?? "–",
    localTime(run.started),
  ];
}
