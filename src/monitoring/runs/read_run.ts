/**
 * A run as its folder tells it, while it is made and after.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { checkpointPath, listCheckpoints } from "../../models/checkpoint/list.ts";
import { UserError } from "../../utils/errors.ts";
import { type JsonObject, readJsonFile } from "../../utils/json.ts";
import { readJsonLines } from "./json_lines.ts";
import { readMetrics } from "./read_metrics.ts";
import {
  EVENTS_FILE,
  type LoggedMetrics,
  METRICS_FILE,
  RUN_CONFIG_FILE,
  RUN_EVENTS,
  type RunEvent,
  type RunEventKind,
} from "./run_files.ts";
import { readRunInfo, type RunInfo } from "./run_info.ts";
import { isRunLocked } from "./run_lock.ts";
import { type RunSample, SampleList } from "./sample_list.ts";

/** Every state of a run. */
export const RUN_STATES = ["running", "finished", "interrupted", "failed"] as const;

/** What has become of a run; one whose process was killed is interrupted. */
export type RunState = (typeof RUN_STATES)[number];

/** A step and its value. */
export interface StepValue {
  /** The step. */
  readonly step: number;
  /** The value then. */
  readonly value: number;
}

/** A run. */
export interface Run {
  /** Name of its folder. */
  readonly id: string;
  /** Its folder. */
  readonly path: string;
  /** What has become of it. */
  readonly state: RunState;
  /** When it was started first, in ISO 8601. */
  readonly started: string;
  /** When something was last heard of it, in ISO 8601. */
  readonly updated: string;
  /** Settings; `undefined` where they were not saved. */
  readonly config: JsonObject | undefined;
  /** What it was made with; `undefined` where that was not saved. */
  readonly info: RunInfo | undefined;
  /** Metrics of each step. */
  readonly metrics: readonly LoggedMetrics[];
  /** What happened. */
  readonly events: readonly RunEvent[];
  /** What the model wrote. */
  readonly samples: readonly RunSample[];
  /** Why it failed, where it did. */
  readonly error: string | undefined;
  /** What of its folder could not be read. */
  readonly problem: string | undefined;
  /** Checkpoints, the oldest first. */
  readonly checkpoints: readonly { readonly step: number; readonly path: string }[];
  /** The evaluation with the lowest loss. */
  readonly best: (StepValue & { readonly checkpoint: string | undefined }) | undefined;
}

/** Whether `path` is the folder of a run. */
export async function isRunFolder(path: string): Promise<boolean> {
  for (const name of [EVENTS_FILE, METRICS_FILE]) {
    const found = await Deno.stat(join(path, name)).catch(() => undefined);
    if (found?.isFile) return true;
  }
  return false;
}

/**
 * Reads the run in `folder`.
 *
 * @throws {UserError} If there is none.
 */
export async function readRun(folder: string): Promise<Run> {
  const path = resolve(folder);
  if (!await isRunFolder(path)) {
    throw new UserError(
      `Cannot read a run in "${folder}": it holds no ${EVENTS_FILE}; give the folder that train wrote`,
    );
  }
  const events = readJsonLines(join(path, EVENTS_FILE)).filter(isEvent);
  const metrics = readMetrics(path);
  const samples = new SampleList();
  for (const event of events) samples.add(event);
  const problems: string[] = [];
  const tolerated = async <T>(reading: Promise<T>): Promise<T | undefined> => {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const info = await tolerated(readRunInfo(path));
  const state = await isRunLocked(path) ? "running" : stateAfter(events);
  const failure = events.findLast(({ event }) => event === "failed");
  const checkpoints = await listCheckpoints(path);
  return {
    id: basename(path),
    path,
    state,
    started: info?.created ?? events[0]?.time ?? metrics[0]?.time ?? "",
    updated: latest([events.at(-1)?.time, metrics.at(-1)?.time]),
    config: await tolerated(readConfig(path)),
    info,
    metrics,
    events,
    samples: samples.all,
    error: state === "failed" ? String(failure?.error ?? failure?.reason ?? "unknown") : undefined,
    problem: problems[0],
    checkpoints,
    best: bestOf(metrics, { path, steps: checkpoints.map(({ step }) => step) }),
  };
}

/** What the values of a metric amount to. */
export interface MetricSummary {
  /** The first. */
  readonly first: StepValue;
  /** The last. */
  readonly last: StepValue;
  /** The lowest. */
  readonly lowest: StepValue;
  /** Their mean. */
  readonly mean: number;
}

/** Returns what the values of a metric amount to; `undefined` where there are none. */
export function summaryOf(
  metrics: readonly LoggedMetrics[],
  name: string,
): MetricSummary | undefined {
  const values = valuesOf(metrics, name);
  const [first] = values;
  if (first === undefined) return undefined;
  const lowest = values.reduce((best, each) => each.value < best.value ? each : best);
  const mean = values.reduce((sum, { value }) => sum + value, 0) / values.length;
  return { first, last: values.at(-1)!, lowest, mean };
}

/** Returns what metrics have of a name, by step. */
export function valuesOf(metrics: readonly LoggedMetrics[], name: string): StepValue[] {
  return metrics.flatMap((row) => {
    const value = (row as unknown as JsonObject)[name];
    return typeof value === "number" ? [{ step: row.step, value }] : [];
  });
}

/** Returns the names of all numbers that metrics have. */
export function metricNames(metrics: readonly LoggedMetrics[]): string[] {
  const names = new Set<string>();
  for (const row of metrics) {
    for (const [name, value] of Object.entries(row)) {
      if (name !== "step" && typeof value === "number") names.add(name);
    }
  }
  return [...names];
}

/** What an event makes of a run that no process makes any more; `undefined` leaves it as it was. */
const STATE_AFTER: Readonly<Record<RunEventKind, RunState | undefined>> = {
  started: "interrupted",
  resumed: "interrupted",
  evaluated: undefined,
  sample: undefined,
  saved: undefined,
  tracker: undefined,
  stopped: "finished",
  interrupted: "interrupted",
  finished: "finished",
  failed: "failed",
};

function stateAfter(events: readonly RunEvent[]): RunState {
  return events.map(({ event }) => STATE_AFTER[event]).findLast((state) => state !== undefined) ??
    "interrupted";
}

function isEvent(row: JsonObject): row is JsonObject & RunEvent {
  return typeof row.time === "string" && RUN_EVENTS.some((event) => event === row.event);
}

async function readConfig(folder: string): Promise<JsonObject | undefined> {
  const path = join(folder, RUN_CONFIG_FILE);
  if (await Deno.stat(path).catch(() => undefined) === undefined) return undefined;
  return await readJsonFile(path) as JsonObject;
}

function bestOf(
  metrics: readonly LoggedMetrics[],
  { path, steps }: { readonly path: string; readonly steps: readonly number[] },
): Run["best"] {
  const lowest = summaryOf(metrics, "eval_loss")?.lowest;
  if (lowest === undefined) return undefined;
  const checkpoint = steps.includes(lowest.step) ? checkpointPath(path, lowest.step) : undefined;
  return { ...lowest, checkpoint };
}

function latest(times: readonly (string | undefined)[]): string {
  return times.filter((time) => time !== undefined).sort().at(-1) ?? "";
}
