/**
 * Metrics and settings of a run in the plain forms that trackers take.
 *
 * @module
 */

import { flatten, type PlainValue } from "../runs/flatten.ts";
import type { LoggedMetrics } from "../runs/run_files.ts";
import type { TrackedRun } from "./tracker.ts";

/** Keys of a line of metrics that are no metrics. */
const NO_METRIC: ReadonlySet<string> = new Set(["step", "time"]);

/** Returns the metrics of a step by name, those that are numbers. */
export function scalarsOf(metrics: LoggedMetrics): readonly (readonly [string, number])[] {
  return Object.entries(metrics).filter((entry): entry is [string, number] =>
    typeof entry[1] === "number" && !NO_METRIC.has(entry[0])
  );
}

/** Returns when a step was made, in milliseconds since 1970; `otherwise` where that was not logged. */
export function timeOf({ time }: { readonly time?: string }, otherwise: number): number {
  const parsed = time === undefined ? NaN : Date.parse(time);
  return Number.isNaN(parsed) ? otherwise : parsed;
}

/** Returns what a run is made with as names and plain values: its settings, and device, versions and data. */
export function parametersOf({ config, info }: TrackedRun): ReadonlyMap<string, PlainValue> {
  const { device, versions, model, data } = info;
  return flatten({
    ...config,
    run: { device, versions, parameters: model.parameters, model_type: model.type },
    data: data.map(({ role, path, sha256, rows }) => ({ role, path, sha256, rows })),
  });
}
