/**
 * What the commands of `run` have in common.
 *
 * @module
 */

import type { Command } from "commander";
import { findRun, type FindRunOptions } from "../monitoring/runs/find_run.ts";
import { readRun, type Run, summaryOf } from "../monitoring/runs/read_run.ts";
import type { JsonObject } from "../utils/json.ts";
import { homePaths, resolveHome } from "../utils/paths.ts";
import { pathContext } from "./model_options.ts";

/** What each of the commands takes. */
export interface RunCommandOptions {
  /** The home folder. */
  readonly home?: string;
  /** Whether JSON is wanted. */
  readonly json?: boolean;
}

/** Adds `--home` and `--json` to `command`. */
export function addRunOptions(command: Command): Command {
  return command
    .option("--home <folder>", "the home folder whose runs are meant")
    .option("--json", "print one JSON object");
}

/** Returns where runs are looked for. */
export function runPlaces({ home: flag }: RunCommandOptions): FindRunOptions {
  const context = { ...pathContext(), flag };
  return { runs: homePaths(resolveHome(context).path).runs, cwd: context.cwd };
}

/** Reads the runs that are named. */
export async function readNamed(
  names: readonly string[],
  options: RunCommandOptions,
): Promise<Run[]> {
  const places = runPlaces(options);
  return await Promise.all(names.map(async (name) => await readRun(await findRun(name, places))));
}

/** Returns what a list says of a run, for programs. */
export function runSummary(run: Run): JsonObject {
  const loss = summaryOf(run.metrics, "loss");
  const evaluation = summaryOf(run.metrics, "eval_loss");
  return {
    id: run.id,
    path: run.path,
    state: run.state,
    started: run.started,
    updated: run.updated,
    step: run.metrics.at(-1)?.step ?? 0,
    total_steps: totalSteps(run) ?? null,
    loss: loss?.last.value ?? null,
    lowest_loss: loss?.lowest.value ?? null,
    eval_loss: evaluation?.last.value ?? null,
    best_eval_loss: run.best?.value ?? null,
    best_step: run.best?.step ?? null,
    best_checkpoint: run.best?.checkpoint ?? null,
    model: modelName(run),
    dataset: datasetName(run),
    device: run.info?.device ?? null,
    error: run.error ?? null,
    problem: run.problem ?? null,
  };
}

/** Returns the steps of the whole run, where that is known. */
export function totalSteps({ config, info }: Run): number | undefined {
  const configured = config?.maxSteps;
  return typeof configured === "number" ? configured : info?.totalSteps;
}

/** Returns the model in a few words: a preset, a folder's name, or what it is called on the hub. */
export function modelName({ config }: Run): string | null {
  const model = config?.model;
  if (typeof model !== "string") return null;
  const ofHub = /models--(.+?)--(.+?)[\\/]snapshots[\\/]/.exec(model);
  return ofHub === null ? lastPart(model) : `${ofHub[1]}/${ofHub[2]}`;
}

/** Returns the names of what a run is trained on. */
export function datasetName({ config }: Run): string | null {
  const dataset = config?.dataset;
  return typeof dataset === "string" ? dataset.split(",").map(lastPart).join(",") : null;
}

/** Writes a time of ISO 8601 as people read it, in their zone. */
export function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "–";
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Writes a value of a metric: four decimals where that says enough, else four digits. */
export function formatMetric(value: number | undefined | null): string {
  if (value === undefined || value === null) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  return size >= 0.01 && size < 1e6 ? value.toFixed(4) : String(Number(value.toPrecision(4)));
}

function lastPart(path: string): string {
  return path.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1)!;
}
