/**
 * The trackers of a run.
 *
 * @module
 */

import { Follower, type FollowerPace } from "./follower.ts";
import { createMlflowTracker } from "./mlflow.ts";
import type { TrackerName, TrackerSettings } from "./settings.ts";
import { createTensorboardTracker } from "./tensorboard.ts";
import type { RunOutcome, TrackedRun, Tracker } from "./tracker.ts";
import { createWandbTracker } from "./wandb.ts";

/** Options of {@linkcode openTrackers}. */
export interface OpenTrackersOptions {
  /** What is shown. */
  readonly run: TrackedRun;
  /** Told once of each tracker that fails. */
  readonly onProblem: (tracker: TrackerName, message: string) => void;
  /** When they send. */
  readonly pace?: TrackerPace;
}

/** When trackers send. */
export interface TrackerPace extends FollowerPace {
  /** How long a run waits at its end for them. @default {15 s; 5 s if it failed or was interrupted} */
  readonly finishMs?: number;
}

/** The trackers of a run; none of them ever holds it up. */
export interface TrackerSet extends AsyncDisposable {
  /** Tells them that there is something new in the run's files. */
  notify(): void;
  /** Lets them send what is left, for a while. */
  finish(outcome: RunOutcome): Promise<void>;
}

/** Least time between two sendings: files cost nothing, and servers limit how often they are asked. */
const INTERVAL_MS: Readonly<Record<TrackerName, number>> = {
  tensorboard: 1_000,
  mlflow: 2_000,
  wandb: 10_000,
};

/** How long a run waits at its end for its trackers. */
const FINISH_LIMIT_MS: Readonly<Record<RunOutcome, number>> = {
  finished: 15_000,
  failed: 5_000,
  interrupted: 5_000,
};

/** Starts the trackers of a run. */
export function openTrackers(
  settings: readonly TrackerSettings[],
  { run, onProblem, pace = {} }: OpenTrackersOptions,
): TrackerSet {
  const followers = settings.map((each) =>
    new Follower(createTracker(each, run), {
      intervalMs: INTERVAL_MS[each.kind],
      ...pace,
      folder: run.folder,
      onProblem: (message) => onProblem(each.kind, message),
    })
  );
  return {
    notify() {
      for (const follower of followers) follower.notify();
    },
    async finish(outcome) {
      await Promise.all(
        followers.map((follower) =>
          follower.finish(outcome, pace.finishMs ?? FINISH_LIMIT_MS[outcome])
        ),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
    },
  };
}

function createTracker(settings: TrackerSettings, run: TrackedRun): Tracker {
  switch (settings.kind) {
    case "tensorboard":
      return createTensorboardTracker(settings, run);
    case "mlflow":
      return createMlflowTracker(settings, run);
    case "wandb":
      return createWandbTracker(settings, run);
  }
}
