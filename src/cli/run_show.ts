/**
 * `run show`: everything of one run.
 *
 * @module
 */

import type { Command } from "commander";
import { metricNames, type Run, summaryOf } from "../monitoring/runs/read_run.ts";
import { formatBytes, formatCount, formatDuration } from "../utils/format.ts";
import { columns } from "./columns.ts";
import { addExamples } from "./program.ts";
import {
  addRunOptions,
  formatMetric,
  localTime,
  modelName,
  readNamed,
  type RunCommandOptions,
  runSummary,
  totalSteps,
} from "./run_options.ts";
import { print } from "./terminal.ts";

/** Adds `run show` to `run`. */
export function registerRunShow(run: Command): void {
  const command = addRunOptions(
    run.command("show <run>")
      .description(
        "Show what a run was made with, its settings, what its metrics came to, its checkpoints, what happened and " +
          "what the model wrote.",
      ),
  ).action(show);
  addExamples(command, [
    "llm-training run show runs/mine",
    "llm-training run show 20260901 --json",
  ]);
}

async function show(name: string, options: RunCommandOptions): Promise<void> {
  const [run] = await readNamed([name], options);
  const { info, config, metrics, samples, checkpoints, events } = run!;
  if (options.json) {
    const summary = runSummary(run!);
    return print(
      JSON.stringify({
        ...summary,
        ...{ info: info ?? null, config: config ?? null, checkpoints, samples, events, metrics },
      }),
    );
  }
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["", columns(overview(run!))],
    ["settings", columns(settings(run!))],
    ["metrics", metrics.length === 0 ? [] : columns(summary(run!), { right: [1, 2, 3] })],
    [
      "checkpoints",
      checkpoints.map(({ path, step }) => step === run!.best?.step ? `${path}  (best)` : path),
    ],
    ["events", columns(happenings(run!))],
    ["samples", samples.map(({ step, prompt, text }) => `step ${step}  ${quoted(prompt, text)}`)],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  for (const [index, [title, lines]] of shown.entries()) {
    if (index > 0) print("");
    if (title !== "") print(`${title}:`);
    for (const line of lines) print(title === "" ? line : `  ${line}`);
  }
}

function overview(run: Run): string[][] {
  const { info, state, error, problem, best } = run;
  const step = run.metrics.at(-1)?.step ?? 0;
  const total = totalSteps(run);
  const lastedMs = Date.parse(run.updated) - Date.parse(run.started);
  return [
    ["run", run.id],
    ["folder", run.path],
    ["state", error === undefined ? state : `${state}: ${error}`],
    ...problem === undefined ? [] : [["problem", problem]],
    ["steps", total === undefined ? String(step) : `${step} of ${total}`],
    ["started", localTime(run.started)],
    ["updated", `${localTime(run.updated)}, ${formatDuration(lastedMs)} after its start`],
    ...best === undefined ? [] : [[
      "best",
      `eval loss ${formatMetric(best.value)} after step ${best.step}` +
      (best.checkpoint === undefined ? "" : `, ${best.checkpoint}`),
    ]],
    ...info === undefined ? [] : [
      [
        "model",
        `${modelName(run) ?? info.model.name}: ${info.model.type}, ${
          formatCount(info.model.parameters)
        } parameters` +
        (info.model.parameters === info.model.trainedParameters
          ? ""
          : `, ${formatCount(info.model.trainedParameters)} of an adapter are trained`),
      ],
      ...info.data.map(({ role, path, sha256, rows, examples }) => [
        role === "train" ? "data" : "eval data",
        `${path}: ${formatCount(rows)} rows, ${formatCount(examples)} examples, SHA-256 ${
          sha256.slice(0, 12)
        }…`,
      ]),
      ["device", `${info.device} (${info.deviceReason})`],
      [
        "machine",
        `${info.host.os} ${info.host.arch}, ${info.host.cpus} processors, ${
          formatBytes(info.host.memoryBytes)
        }`,
      ],
      [
        "versions",
        Object.entries(info.versions).map(([name, version]) => `${name} ${version}`).join(", "),
      ],
    ],
  ];
}

function settings({ config = {} }: Run): string[][] {
  return Object.entries(config)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
}

function summary({ metrics }: Run): string[][] {
  const rows = metricNames(metrics).map((name) => {
    const { first, last, lowest } = summaryOf(metrics, name)!;
    return [name, ...[first, last, lowest].map(({ value }) => formatMetric(value))];
  });
  return [["", "first", "last", "lowest"], ...rows];
}

/** Events without those that are shown elsewhere. */
function happenings({ events }: Run): string[][] {
  return events.filter(({ event }) => event !== "sample" && event !== "evaluated").map((each) => {
    const { time, event, step, error, reason, tracker, problem } = each;
    const details = [tracker, error ?? reason ?? problem].filter((detail) => detail !== undefined);
    return [localTime(time), event, `step ${step ?? 0}`, details.join(": ")];
  });
}

function quoted(prompt: string, text: string): string {
  return JSON.stringify(`${prompt} → ${text}`);
}
