/**
 * What the daemon says of itself, and how others find out whether that still holds.
 *
 * @module
 */

import { join } from "node:path";
import type { Job } from "../../management/job_queue/job.ts";
import type { JobCounts } from "../../management/job_queue/queue.ts";
import type { Clock } from "../../utils/clock.ts";
import type { HomePaths } from "../../utils/paths.ts";
import { isLocked } from "./instance_lock.ts";
import { type JobView, jobView } from "./job_view.ts";
import { type LiveModel, readLiveModel } from "./live_model.ts";
import type { JobPhase } from "./running_job.ts";
import type { TrainProgress } from "./train_progress.ts";

/** What the daemon can be doing. */
export const DAEMON_STATES = [
  "idle",
  "preparing",
  "training",
  "evaluating",
  "generating",
  "paused",
  "waiting_for_disk",
  "stopping",
] as const;

/** What the daemon is doing. */
export type DaemonState = (typeof DAEMON_STATES)[number];

/** What the daemon says of itself. */
export interface DaemonStatus {
  /** What it is doing. */
  readonly state: DaemonState;
  /** Why, where that needs words. */
  readonly reason: string | null;
  /** Its process. */
  readonly pid: number;
  /** The process that trains; null if none does. */
  readonly trainer_pid: number | null;
  /** Version of the program. */
  readonly version: string;
  /** Since when it runs. */
  readonly started_at: string;
  /** When it said this. */
  readonly heartbeat_at: string;
  /** Where it takes commands. */
  readonly url: string | null;
  /** Where it serves the API of fine-tuning; null where it does not. */
  readonly api_url: string | null;
  /** The job that it does. */
  readonly job: JobView | null;
  /** How many jobs there are in each state. */
  readonly queue: JobCounts;
  /** The live model; null if there is none yet. */
  readonly live: LiveModel | null;
  /** Free bytes of the disk; null where the system does not tell. */
  readonly disk_free_bytes: number | null;
}

/** What is known of the daemon of a home. */
export interface DaemonReport {
  /** Whether it runs and says so. */
  readonly running: boolean;
  /** Stopped, dead without having said so, silent although it runs, or running. */
  readonly liveness: "running" | "silent" | "dead" | "stopped";
  /** Seconds since it last said something; null if it never has. */
  readonly heartbeat_age_seconds: number | null;
  /** What it said last; null if it never has said anything. */
  readonly daemon: DaemonStatus | null;
}

/** A daemon that has said nothing for so long is silent. */
const SILENT_MS = 30_000;

/** Returns the file in which the daemon says what it does. */
export function statusPath(paths: HomePaths): string {
  return join(paths.daemon, "status.json");
}

/** Returns the file with the key that commands need. */
export function keyPath(paths: HomePaths): string {
  return join(paths.daemon, "key");
}

/** Finds out about the daemon of a home: not by what it said last, but by whether it lives. */
export async function readDaemonReport(
  paths: HomePaths,
  { clock }: { readonly clock: Clock },
): Promise<DaemonReport> {
  const daemon = await readStatus(paths);
  const isAlive = await isLocked(paths);
  const ageMs = daemon === null ? null : Math.max(0, clock() - Date.parse(daemon.heartbeat_at));
  const liveness = isAlive
    ? ageMs !== null && ageMs <= SILENT_MS ? "running" : "silent"
    : daemon === null || daemon.state === "stopping"
    ? "stopped"
    : "dead";
  return {
    running: liveness === "running",
    liveness,
    heartbeat_age_seconds: ageMs === null ? null : ageMs / 1000,
    daemon,
  };
}

async function readStatus(paths: HomePaths): Promise<DaemonStatus | null> {
  try {
    return JSON.parse(await Deno.readTextFile(statusPath(paths)));
  } catch {
    return null; // there is none, or not a whole one
  }
}

/** What a status is made of besides what is read from the disk. */
export interface StatusParts {
  /** What the daemon does. */
  readonly state: DaemonState;
  /** Why. */
  readonly reason: string | null;
  /** Version of the program. */
  readonly version: string;
  /** Since when. */
  readonly startedAtMs: number;
  /** Now. */
  readonly nowMs: number;
  /** Where it takes commands. */
  readonly url: string | null;
  /** Where it serves the API. */
  readonly apiUrl: string | null;
  /** The job that it does. */
  readonly running: {
    readonly job: Job;
    readonly progress: TrainProgress;
    readonly phase: JobPhase;
    readonly trainerPid: number | null;
  } | undefined;
  /** How many jobs there are. */
  readonly counts: JobCounts;
  /** Free bytes of the disk. */
  readonly freeBytes: number | undefined;
}

/** Puts a status together. */
export async function composeStatus(paths: HomePaths, parts: StatusParts): Promise<DaemonStatus> {
  const { state, reason, version, startedAtMs, nowMs, url, apiUrl, running, counts } = parts;
  return {
    ...{ state, reason, pid: Deno.pid, version, url, api_url: apiUrl },
    started_at: new Date(startedAtMs).toISOString(),
    heartbeat_at: new Date(nowMs).toISOString(),
    trainer_pid: running?.trainerPid ?? null,
    job: running === undefined
      ? null
      : jobView({ ...running.job, progress: { ...running.progress } }),
    queue: counts,
    live: await readLiveModel(paths.live) ?? null,
    disk_free_bytes: parts.freeBytes ?? null,
  };
}
