/**
 * `run compare`: what sets runs apart, and what it came to.
 *
 * @module
 */

import type { Command } from "commander";
import { commonSteps, differingSettings, outcomes } from "../monitoring/runs/compare_runs.ts";
import type { Run } from "../monitoring/runs/read_run.ts";
import { UserError } from "../utils/errors.ts";
import { columns } from "./columns.ts";
import { addExamples } from "./program.ts";
import { formatMetric, readNamed, runSummary } from "./run_options.ts";
import { addPlotOptions, plotOf, type PlotOptions, showPlot, writePlot } from "./run_plot.ts";
import { print } from "./terminal.ts";

/** What is compared where nothing else is asked for. */
const METRICS = ["loss", "eval_loss", "grad_norm", "tokens_per_second"];

/** Steps that are shown. */
const MAX_STEPS = 12;

/** Adds `run compare` to `run`. */
export function registerRunCompare(run: Command): void {
  const command = addPlotOptions(
    run.command("compare <runs...>")
      .description(
        "Compare runs: settings that differ, what metrics came to and at the steps that all runs have, and a plot.",
      ),
  ).action(compare);
  addExamples(command, [
    "llm-training run compare runs/a runs/b",
    "llm-training run compare runs/a runs/b runs/c --metric eval_loss --png compared.png",
  ]);
}

async function compare(names: readonly string[], options: PlotOptions): Promise<void> {
  if (names.length < 2) {
    throw new UserError("Cannot compare one run: name at least two");
  }
  const runs = await readNamed(names, options);
  const settings = differingSettings(runs);
  const metrics = options.metric ?? METRICS;
  const steps = Object.fromEntries(metrics.map((metric) => [metric, commonSteps(runs, metric)]));
  const results = outcomes(runs, metrics);
  const plot = plotOf(runs, options);
  const written = await writePlot(plot, options);
  if (options.json) {
    return print(
      JSON.stringify({ runs: runs.map(runSummary), settings, metrics: results, steps }),
    );
  }
  const ids = runs.map(({ id }) => id);
  const sections: readonly (readonly [title: string, rows: readonly (readonly string[])[]])[] = [
    ["state", [["", ...ids], ["state", ...runs.map(({ state }) => state)], [
      "steps",
      ...stepsOf(
        runs,
      ),
    ]]],
    [
      "settings that differ",
      settings.length === 0 ? [] : [
        ["", ...ids],
        ...settings.map(({ name, values }) => [name, ...values.map(settingText)]),
      ],
    ],
    ["metrics", [
      ["", ...ids],
      ...results.flatMap(({ metric, last, lowest, mean }) => [
        [`${metric}, last`, ...last.map(formatMetric)],
        /loss/.test(metric)
          ? [`${metric}, lowest`, ...lowest.map(formatMetric)]
          : [`${metric}, mean`, ...mean.map(formatMetric)],
      ]),
    ]],
    ...metrics.slice(0, options.metric === undefined ? 2 : metrics.length).map((metric) =>
      [`${metric} at common steps`, commonTable(steps[metric]!, ids)] as const
    ),
  ];
  for (const [title, rows] of sections) {
    if (rows.length === 0) continue;
    print(`${title}:`);
    for (const line of columns(rows)) print(`  ${line}`);
    print("");
  }
  if (settings.length === 0) print("settings, data and versions are the same\n");
  if (!written) showPlot(plot, options);
}

function stepsOf(runs: readonly Run[]): string[] {
  return runs.map(({ metrics }) => String(metrics.at(-1)?.step ?? 0));
}

function commonTable(
  steps: readonly { readonly step: number; readonly values: readonly number[] }[],
  ids: readonly string[],
): readonly (readonly string[])[] {
  if (steps.length === 0) return [];
  const shown = spread(steps, MAX_STEPS);
  return [
    ["step", ...ids],
    ...shown.map(({ step, values }) => [String(step), ...values.map(formatMetric)]),
  ];
}

/** Returns at most `count` items, the first and the last among them. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from(
    { length: count },
    (_, i) => items[Math.round(i * (items.length - 1) / (count - 1))]!,
  );
}

function settingText(value: unknown): string {
  if (value === undefined || value === null) return "–";
  const text = String(value);
  const cut = 40;
  return text.length <= cut ? text : `…${text.slice(1 - cut)}`;
}
