/**
 * What the parts of the daemon share.
 *
 * @module
 */

import type { JobQueue } from "../../management/job_queue/queue.ts";
import type { Clock } from "../../utils/clock.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { HomePaths } from "../../utils/paths.ts";
import type { LogEntry } from "./log.ts";
import type { DaemonSettings } from "./settings.ts";
import type { StartTrainer } from "./trainer_process.ts";

/** What the parts of the daemon share. */
export interface DaemonContext {
  /** Where things lie. */
  readonly paths: HomePaths;
  /** The jobs. */
  readonly queue: JobQueue;
  /** The daemon's settings. */
  readonly settings: DaemonSettings;
  /** Reads the settings of runs that the home gives now. */
  readonly readHome: () => Promise<JsonObject>;
  /** Starts a trainer. */
  readonly startTrainer: StartTrainer;
  /** Reads the time. */
  readonly clock: Clock;
  /** Writes to the log. */
  readonly log: (entry: LogEntry) => void;
  /** Does what must be written, and again while the disk is full. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
}
