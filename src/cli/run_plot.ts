/**
 * `run plot`: metrics of runs as a picture, in the terminal or in a file.
 *
 * @module
 */

import type { Command } from "commander";
import type { Plot, PlotLine } from "../monitoring/plots/plot.ts";
import { pngOfSvg } from "../monitoring/plots/png.ts";
import { smoothed } from "../monitoring/plots/smooth.ts";
import { svgPlot } from "../monitoring/plots/svg_plot.ts";
import { terminalPlot } from "../monitoring/plots/terminal_plot.ts";
import type { LoggedMetrics } from "../monitoring/runs/run_files.ts";
import { metricNames, type Run } from "../monitoring/runs/read_run.ts";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { integerOption, numberOption, repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { addRunOptions, readNamed, type RunCommandOptions } from "./run_options.ts";
import { print, printError } from "./terminal.ts";

/** What `run plot` and `run compare` take for their pictures. */
export interface PlotOptions extends RunCommandOptions {
  /** Names of metrics. */
  readonly metric?: readonly string[];
  /** What the horizontal axis shows. */
  readonly x?: string;
  /** How much lines are smoothed. */
  readonly smooth?: number | true;
  /** File to write as SVG. */
  readonly svg?: string;
  /** File to write as PNG. */
  readonly png?: string;
  /** Characters of a line. */
  readonly width?: number;
  /** Lines of the picture. */
  readonly height?: number;
}

/** Weight of what came before where none is given: TensorBoard's own. */
const DEFAULT_SMOOTHING = 0.6;

const FALLBACK_WIDTH = 80;

/** Adds `run plot` to `run`. */
export function registerRunPlot(run: Command): void {
  const command = addPlotOptions(
    run.command("plot <runs...>")
      .description(
        "Plot metrics of runs over their steps, in the terminal, or with --svg and --png in files.",
      ),
  ).action(plot);
  addExamples(command, [
    "llm-training run plot 20260901",
    "llm-training run plot runs/a runs/b --metric eval_loss --png eval.png",
    "llm-training run plot runs/a --metric grad_norm --smooth 0.9 --svg norms.svg",
  ]);
}

/** Adds the options of pictures to `command`. */
export function addPlotOptions(command: Command): Command {
  return addRunOptions(command)
    .option(
      "--metric <name>",
      "what is plotted; may be repeated (default: loss, of one run eval_loss too)",
      repeatedOption,
    )
    .option("--x <name>", "what it is plotted over: step or a metric (default: step)")
    .option(
      "--smooth [weight]",
      `smooth lines by an exponential moving average; without a weight by ${DEFAULT_SMOOTHING}`,
      numberOption({ min: 0, max: 0.9999 }),
    )
    .option("--svg <file>", "write an SVG file")
    .option("--png <file>", "write a PNG file")
    .option(
      "--width <columns>",
      "width in the terminal (default: all of it)",
      integerOption({ min: 24 }),
    )
    .option("--height <lines>", "height in the terminal (default: 16)", integerOption({ min: 4 }));
}

async function plot(names: readonly string[], options: PlotOptions): Promise<void> {
  const made = plotOf(await readNamed(names, options), options);
  if (options.json) print(JSON.stringify(made));
  const written = await writePlot(made, options);
  if (!written && !options.json) showPlot(made, options);
}

/**
 * Puts together a plot of runs.
 *
 * @throws {UserError} If no run has what is to be plotted.
 */
export function plotOf(runs: readonly Run[], options: PlotOptions): Plot {
  const { metric: wanted, x: xName = "step", smooth } = options;
  const weight = smooth === true ? DEFAULT_SMOOTHING : smooth;
  const known = new Set(["step", ...runs.flatMap(({ metrics }) => metricNames(metrics))]);
  const missing = [...wanted ?? [], xName].find((name) => !known.has(name));
  if (missing !== undefined && known.size > 1) {
    throw new UserError(`Cannot plot "${missing}": there are ${[...known].join(", ")}`);
  }
  const metrics = wanted ?? (runs.length === 1 ? ["loss", "eval_loss"] : ["loss"]);
  const lines = runs.flatMap((run) =>
    metrics.flatMap((metric): PlotLine[] => {
      const points = run.metrics.flatMap((row) => {
        const [x, y] = [valueOf(row, xName), valueOf(row, metric)];
        return x === undefined || y === undefined ? [] : [{ x, y }];
      });
      if (points.length === 0) return [];
      const name = [...runs.length > 1 ? [run.id] : [], ...metrics.length > 1 ? [metric] : []]
        .join(" ") || run.id;
      return [
        weight === undefined
          ? { name, points }
          : { name, points: smoothed(points, weight), raw: points },
      ];
    })
  );
  if (lines.length === 0) {
    throw new UserError(
      `Cannot plot ${metrics.join(", ")}: no step of ${
        runs.map(({ id }) => `"${id}"`).join(", ")
      } has it yet`,
    );
  }
  const of = runs.length === 1 ? runs[0]!.id : `${runs.length} runs`;
  return {
    title: `${metrics.join(", ")} of ${of}`,
    xLabel: xName,
    yLabel: metrics.join(", "),
    lines,
  };
}

/** Writes the files that are wanted, and says whether there were any. */
export async function writePlot(plot: Plot, { svg, png }: PlotOptions): Promise<boolean> {
  if (svg !== undefined) {
    await writeFileAtomic(svg, svgPlot(plot));
    printError(`wrote ${svg}`);
  }
  if (png !== undefined) {
    await writeFileAtomic(png, await pngOfSvg(svgPlot(plot)));
    printError(`wrote ${png}`);
  }
  return svg !== undefined || png !== undefined;
}

/** Draws a plot in the terminal. */
export function showPlot(plot: Plot, { width, height }: PlotOptions): void {
  const color = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  const options = { width: width ?? terminalWidth(), color };
  for (const line of terminalPlot(plot, height === undefined ? options : { ...options, height })) {
    print(line);
  }
}

function terminalWidth(): number {
  const columns = Number(Deno.env.get("COLUMNS"));
  if (columns > 0) return columns;
  try {
    return Deno.consoleSize().columns || FALLBACK_WIDTH;
  } catch {
    return FALLBACK_WIDTH; // no terminal
  }
}

function valueOf(row: LoggedMetrics, name: string): number | undefined {
  const value = (row as unknown as JsonObject)[name];
  return typeof value === "number" ? value : undefined;
}
