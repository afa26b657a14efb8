/**
 * `run sync`: sends to trackers what they do not have of a run.
 *
 * @module
 */

import type { Command } from "commander";
import { TRACKING_SETTINGS } from "../core/training/tracking_settings.ts";
import type { Run, RunState } from "../monitoring/runs/read_run.ts";
import { openTrackers } from "../monitoring/trackers/open_trackers.ts";
import { resolveTracker } from "../monitoring/trackers/settings.ts";
import type { RunOutcome } from "../monitoring/trackers/tracker.ts";
import { UserError } from "../utils/errors.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { readNamed } from "./run_options.ts";
import { printError } from "./terminal.ts";
import { addSettingFlags } from "./setting_flags.ts";

interface RunSyncOptions {
  readonly home?: string;
  readonly tracker?: readonly string[];
  readonly trackerProject?: string;
  readonly trackerRunName?: string;
}

const { trackers, trackerProject, trackerRunName } = TRACKING_SETTINGS;

/** Longest time that all may take. */
const LIMIT_MS = 600_000;

/** Adds `run sync` to `run`. */
export function registerRunSync(run: Command): void {
  const command = addSettingFlags(
    run.command("sync <run>")
      .description(
        "Send to trackers what they do not have of a run: those of the run, or others that are named.",
      )
      .option("--home <folder>", "the home folder whose runs are meant"),
    anySettings({ trackers, trackerProject, trackerRunName }),
  ).action(sync);
  addExamples(command, [
    "llm-training run sync runs/mine",
    "llm-training run sync 20260901 --tracker mlflow=http://127.0.0.1:5000",
  ]);
}

async function sync(name: string, options: RunSyncOptions): Promise<void> {
  const [run] = await readNamed([name], options);
  const { path: folder, state, info, config = {} } = run!;
  const outcome = OUTCOMES[state];
  if (outcome === undefined) {
    throw new UserError(`Cannot sync "${folder}" while it is made: its own process does`);
  }
  if (info === undefined) {
    throw new UserError(`Cannot sync "${folder}": it has no run.json that tells what it is`);
  }
  const names = options.tracker ?? configuredTrackers(run!);
  if (names.length === 0) {
    throw new UserError(`Cannot sync "${folder}": it has no trackers; name one by --tracker`);
  }
  const given = (flag: string | undefined, setting: unknown) =>
    flag ?? (typeof setting === "string" ? setting : null);
  const settings = names.map((each) =>
    resolveTracker(each, {
      ...pathContext(),
      project: given(options.trackerProject, config.trackerProject),
      runName: given(options.trackerRunName, config.trackerRunName),
    })
  );
  const failed = new Map<string, string>();
  await using set = openTrackers(settings, {
    run: { folder, info, config, startStep: run!.metrics.at(-1)?.step ?? 0 },
    onProblem: (tracker, message) => {
      failed.set(tracker, message);
      printError(`warning: tracker ${tracker}: ${message}`);
    },
    pace: { finishMs: LIMIT_MS },
  });
  await set.finish(outcome);
  const [first] = failed;
  if (first !== undefined) throw new UserError(`Cannot sync with ${first[0]}: ${first[1]}`);
  printError(`${names.join(", ")}: all of "${run!.id}" is there`);
}

/** How a run in each state has ended; one that is made has not. */
const OUTCOMES: Readonly<Record<RunState, RunOutcome | undefined>> = {
  running: undefined,
  finished: "finished",
  interrupted: "interrupted",
  failed: "failed",
};

function configuredTrackers({ config }: Run): readonly string[] {
  const trackers = config?.trackers;
  return Array.isArray(trackers) ? trackers.map(String) : [];
}
