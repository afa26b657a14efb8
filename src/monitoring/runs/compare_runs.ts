/**
 * What sets runs apart.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import { flatten, type PlainValue } from "./flatten.ts";
import { type Run, summaryOf, valuesOf } from "./read_run.ts";

/** A setting that is not the same in all runs. */
export interface SettingDifference {
  /** Its name. */
  readonly name: string;
  /** Its value in each run; `undefined` where there is none. */
  readonly values: readonly (PlainValue | undefined)[];
}

/** Returns the settings, devices, versions and data that are not the same in all runs. */
export function differingSettings(runs: readonly Run[]): SettingDifference[] {
  const settings = runs.map(settingsOf);
  const names = new Set(settings.flatMap((each) => [...each.keys()]));
  return [...names].flatMap((name) => {
    const values = settings.map((each) => each.get(name));
    return values.every((value) => value === values[0]) ? [] : [{ name, values }];
  });
}

/** A step that all runs have. */
export interface CommonStep {
  /** The step. */
  readonly step: number;
  /** The metric then, in each run. */
  readonly values: readonly number[];
}

/** Returns a metric at the steps at which all runs have it. */
export function commonSteps(runs: readonly Run[], metric: string): CommonStep[] {
  const [first = new Map<number, number>(), ...others] = runs.map(({ metrics }) =>
    new Map(valuesOf(metrics, metric).map(({ step, value }) => [step, value]))
  );
  return [...first].flatMap(([step, value]) => {
    const rest = others.map((values) => values.get(step));
    return rest.every((each) => each !== undefined) ? [{ step, values: [value, ...rest] }] : [];
  });
}

/** What a run has come to in one metric. */
export interface MetricOutcome {
  /** The metric. */
  readonly metric: string;
  /** Its last value in each run. */
  readonly last: readonly (number | undefined)[];
  /** Its lowest value in each run. */
  readonly lowest: readonly (number | undefined)[];
  /** The mean of its values in each run. */
  readonly mean: readonly (number | undefined)[];
}

/** Returns what metrics came to in each run; those that no run has are left out. */
export function outcomes(runs: readonly Run[], metrics: readonly string[]): MetricOutcome[] {
  return metrics.flatMap((metric) => {
    const summaries = runs.map((run) => summaryOf(run.metrics, metric));
    if (summaries.every((summary) => summary === undefined)) return [];
    return [{
      metric,
      last: summaries.map((summary) => summary?.last.value),
      lowest: summaries.map((summary) => summary?.lowest.value),
      mean: summaries.map((summary) => summary?.mean),
    }];
  });
}

function settingsOf({ config = {}, info }: Run): ReadonlyMap<string, PlainValue> {
  const made: JsonObject = info === undefined ? {} : {
    device: info.device,
    versions: info.versions,
    host: info.host,
    parameters: info.model.parameters,
    data: info.data.map(({ role, sha256, rows, examples }) => ({ role, sha256, rows, examples })),
  };
  const flat = new Map(flatten(config));
  for (const [name, value] of flatten(made)) {
    if (!flat.has(name)) flat.set(name, value);
    else if (flat.get(name) !== value) flat.set(`${name} (resolved)`, value);
  }
  return flat;
}
