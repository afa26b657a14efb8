/**
 * `run`: the runs that were made.
 *
 * @module
 */

import type { Command } from "commander";
import { addExamples } from "./program.ts";
import { registerRunCompare } from "./run_compare.ts";
import { registerRunList } from "./run_list.ts";
import { registerRunPlot } from "./run_plot.ts";
import { registerRunShow } from "./run_show.ts";
import { registerRunSync } from "./run_sync.ts";

/** Adds `run` and its commands to `program`. */
export function registerRun(program: Command): void {
  const run = program.command("run").description(
    "List the runs that were made, look at them, plot and compare them. A run is named by its folder, its name in the " +
      "home's runs, or the beginning of that.",
  );
  addExamples(run, [
    "llm-training run list",
    "llm-training run show 20260901",
    "llm-training run plot 20260901 --png loss.png",
    "llm-training run compare runs/a runs/b",
  ]);
  registerRunList(run);
  registerRunShow(run);
  registerRunPlot(run);
  registerRunCompare(run);
  registerRunSync(run);
}
