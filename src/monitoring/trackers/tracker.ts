/**
 * What every tracker offers.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { LoggedMetrics } from "../runs/run_files.ts";
import type { RunInfo } from "../runs/run_info.ts";

/** The run that is shown. */
export interface TrackedRun {
  /** Its folder. */
  readonly folder: string;
  /** What it is made with. */
  readonly info: RunInfo;
  /** Its settings. */
  readonly config: JsonObject;
  /** Steps done when this process took it up. */
  readonly startStep: number;
}

/** What a tracker has of a run already, from before. */
export interface TrackerPosition {
  /** The last step whose metrics it has; 0 if none. */
  readonly step: number;
  /** How many samples it has. */
  readonly samples: number;
}

/** A text that the model wrote. */
export interface TrackedSample {
  /** Steps done. */
  readonly step: number;
  /** When, in ISO 8601. */
  readonly time: string;
  /** What was given. */
  readonly prompt: string;
  /** What it wrote. */
  readonly text: string;
}

/** How a run ended. */
export type RunOutcome = "finished" | "interrupted" | "failed";

/** Shows a run somewhere. Each call may fail; the next one is then {@linkcode Tracker.open}. */
export interface Tracker {
  /** Makes the run there or finds it, and returns what of it is there. */
  open(signal: AbortSignal): Promise<TrackerPosition>;
  /** Shows metrics of steps that it does not have yet, in order. */
  log(metrics: readonly LoggedMetrics[], signal: AbortSignal): Promise<void>;
  /** Shows samples that it does not have yet; `all` are those with all before. */
  sample(
    samples: readonly TrackedSample[],
    options: { readonly all: readonly TrackedSample[]; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Says how the run ended. */
  finish(outcome: RunOutcome, signal: AbortSignal): Promise<void>;
}

/** Thrown where trying again is of no use. */
export class TrackerRefusal extends Error {
  /** Name of the class. */
  override readonly name = "TrackerRefusal";
}
