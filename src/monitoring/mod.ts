/**
 * Runs as their folders tell them, plots of what they came to, and trackers that show them elsewhere.
 *
 * @example
 * ```ts ignore
 * import { readRun, summaryOf, svgPlot, valuesOf } from "@llm-training/llm-training/monitoring";
 *
 * const run = await readRun("runs/mine");
 * console.log(run.state, summaryOf(run.metrics, "loss")?.last.value);
 * const points = valuesOf(run.metrics, "loss").map(({ step, value }) => ({ x: step, y: value }));
 * const svg = svgPlot({ title: run.id, xLabel: "step", yLabel: "loss", lines: [{ name: "loss", points }] });
 * ```
 *
 * @example A plot of numbers
 * ```ts
 * import { terminalPlot } from "@llm-training/llm-training/monitoring";
 *
 * const points = [4, 2, 1, 0.5].map((y, x) => ({ x, y }));
 * const lines = [{ name: "loss", points }];
 * const rows = terminalPlot({ title: "a run", xLabel: "step", yLabel: "loss", lines });
 * if (!rows[0]?.includes("a run")) throw new Error("its title is on top");
 * ```
 *
 * @module
 */

export * from "./plots/plot.ts";
export * from "./plots/png.ts";
export * from "./plots/smooth.ts";
export * from "./plots/svg_plot.ts";
export * from "./plots/terminal_plot.ts";
export * from "./runs/compare_runs.ts";
export * from "./runs/find_run.ts";
export type { PlainValue } from "./runs/flatten.ts";
export * from "./runs/read_run.ts";
export * from "./runs/run_files.ts";
export * from "./runs/run_info.ts";
export type { RunSample } from "./runs/sample_list.ts";
export * from "./trackers/settings.ts";
