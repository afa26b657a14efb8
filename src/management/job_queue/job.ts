/**
 * The words of the job queue.
 *
 * - **job**: something to be done once: a kind, a payload that only handlers of that kind read, and the hash of what
 *   it is about. Its name is its id; two jobs about the same content are recognised by the hash.
 * - **worker**: a process that claims jobs and does them.
 * - **claim**: to take the job that is next; it is then `running`, and the worker holds its **lease**.
 * - **lease**: the right to do a job and to say how it ended, for a while; **heartbeats** prolong it. Whoever has lost
 *   it can no longer change the job.
 * - **attempt**: a claim that was not called off. **failure**: an attempt that went wrong; a job has a limit of them.
 * - **wish**: what somebody asks of a running job; its worker learns of it at the next heartbeat.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";

/** Every state of a job. */
export const JOB_STATES = [
  "queued",
  "running",
  "paused",
  "succeeded",
  "failed",
  "cancelled",
] as const;

/** A state of a job. */
export type JobState = (typeof JOB_STATES)[number];

/** Whether a job in this state is over. */
export const IS_TERMINAL: Readonly<Record<JobState, boolean>> = {
  queued: false,
  running: false,
  paused: false,
  succeeded: true,
  failed: true,
  cancelled: true,
};

/** Every priority, the most urgent first. */
export const PRIORITIES = ["high", "normal", "low"] as const;

/** A priority. */
export type Priority = (typeof PRIORITIES)[number];

/** What is asked of a running job. */
export type JobWish = "pause" | "cancel";

/** A job as it is stored. */
export interface Job {
  /** Its name. */
  readonly id: string;
  /** Which handler does it. */
  readonly kind: string;
  /** Hash of what it is about. */
  readonly contentHash: string;
  /** What its handler reads. */
  readonly payload: JsonObject;
  /** Where it stands. */
  readonly state: JobState;
  /** How urgent it is. */
  readonly priority: Priority;
  /** Jobs that must have succeeded before it. */
  readonly dependsOn: readonly string[];
  /** Attempts so far, the one that runs included. */
  readonly attempts: number;
  /** Attempts that went wrong since it was added or retried. */
  readonly failures: number;
  /** Failures after which it has failed. */
  readonly maxFailures: number;
  /** When it was added, in milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Not before this time. */
  readonly runAtMs: number;
  /** When its first attempt began. */
  readonly startedAtMs: number | null;
  /** When it came to its end. */
  readonly finishedAtMs: number | null;
  /** The last sign of life from its worker. */
  readonly heartbeatAtMs: number | null;
  /** Who does it. */
  readonly worker: string | null;
  /** What is asked of its worker. */
  readonly wish: JobWish | null;
  /** What went wrong last, or why it was cancelled. */
  readonly error: string | null;
  /** Where it stands, in its handler's words. */
  readonly progress: JsonObject | null;
  /** What came of it, in its handler's words. */
  readonly result: JsonObject | null;
}

/** A job to be added. */
export interface NewJob {
  /** Which handler does it. */
  readonly kind: string;
  /** Hash of what it is about. */
  readonly contentHash: string;
  /** What its handler reads. */
  readonly payload: JsonObject;
  /** Its name. @default {a random one} */
  readonly id?: string;
  /** How urgent it is. @default {"normal"} */
  readonly priority?: Priority;
  /** Jobs that must have succeeded before it. @default {[]} */
  readonly dependsOn?: readonly string[];
  /** Not before this time, in milliseconds since 1970. @default {at once} */
  readonly runAtMs?: number;
  /** Failures after which it has failed. @default {3} */
  readonly maxFailures?: number;
  /** Add it although there is one about the same content. @default {false} */
  readonly again?: boolean;
  /** Why it cannot be done; it is then added as one that has failed. @default {it can} */
  readonly error?: string;
}

/** What came of adding a job. */
export interface AddedJob {
  /** The new job, or the one that was there. */
  readonly job: Job;
  /** Whether it is new. */
  readonly isNew: boolean;
}

/** The right to do a job. */
export interface Lease {
  /** The job. */
  readonly jobId: string;
  /** Tells this claim from all others. */
  readonly token: string;
}

/** A job that was claimed. */
export interface ClaimedJob {
  /** The job. */
  readonly job: Job;
  /** The right to do it. */
  readonly lease: Lease;
}

/** Something that happened to a job. */
export interface JobEvent {
  /** Counted over all jobs. */
  readonly number: number;
  /** The job. */
  readonly jobId: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** How bad it is. */
  readonly level: "info" | "warn" | "error";
  /** In words. */
  readonly message: string;
  /** In numbers; null where there are none. */
  readonly data: JsonObject | null;
}

/** A job that is added again and again. */
export interface JobSchedule {
  /** Its name. */
  readonly name: string;
  /** When: five fields, as cron has them. */
  readonly cron: string;
  /** What is added. */
  readonly job: ScheduledJob;
  /** When it is due next, in milliseconds since 1970. */
  readonly nextAtMs: number;
}

/** What a schedule adds. */
export type ScheduledJob = Pick<NewJob, "kind" | "payload" | "priority" | "maxFailures">;

/** Thrown when a worker reports on a job whose lease it no longer holds. */
export class LeaseLostError extends Error {
  /** Name of the class. */
  override readonly name = "LeaseLostError";

  /** Creates the error. */
  constructor(jobId: string) {
    super(`Cannot report on job "${jobId}": its lease was lost`);
  }
}
