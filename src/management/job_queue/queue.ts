/**
 * A durable queue of jobs: what any store of it has to do.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type {
  AddedJob,
  ClaimedJob,
  Job,
  JobEvent,
  JobSchedule,
  JobState,
  JobWish,
  Lease,
  NewJob,
  Priority,
  ScheduledJob,
} from "./job.ts";

/** Options of {@linkcode JobQueue.claim}. */
export interface ClaimOptions {
  /** Who claims. */
  readonly worker: string;
  /** How long the lease lasts without a heartbeat. */
  readonly leaseMs: number;
  /** The kinds that the worker can do. @default {all} */
  readonly kinds?: readonly string[];
}

/** Options of {@linkcode JobQueue.heartbeat}. */
export interface HeartbeatOptions {
  /** How long the lease lasts from now on. */
  readonly leaseMs: number;
  /** Where the job stands. @default {as before} */
  readonly progress?: JsonObject;
}

/** What went wrong in an attempt. */
export interface AttemptFailure {
  /** In words. */
  readonly error: string;
  /** When to try again; null gives the job up. */
  readonly retryAtMs: number | null;
  /** Whether it counts towards the limit of failures. @default {true} */
  readonly counts?: boolean;
}

/** How an attempt was called off. */
export interface Release {
  /** The job's state from now on. */
  readonly state: "queued" | "paused" | "cancelled";
  /** Why, in words. @default {null} */
  readonly reason?: string | null;
  /** Not before this time. @default {at once} */
  readonly runAtMs?: number;
}

/** Options of {@linkcode JobQueue.list}. */
export interface ListOptions {
  /** Only these states. @default {all} */
  readonly states?: readonly JobState[];
  /** Only these kinds. @default {all} */
  readonly kinds?: readonly string[];
  /** Only jobs about this content. @default {all} */
  readonly contentHash?: string;
  /** In which order: as they will be done, or the newest first. @default {"queue"} */
  readonly order?: "queue" | "newest";
  /** At most so many. @default {no limit} */
  readonly limit?: number;
}

/** Options of {@linkcode JobQueue.events}. */
export interface EventsOptions {
  /** At most so many. @default {100} */
  readonly limit?: number;
  /** Only those before this number. @default {all} */
  readonly before?: number;
}

/** How many jobs there are in each state. */
export type JobCounts = Readonly<Record<JobState, number>>;

/** Options of {@linkcode JobQueue.prune}. */
export interface PruneOptions {
  /** Only jobs that ended before this time, in milliseconds since 1970. */
  readonly finishedBeforeMs: number;
  /** Only these states, all of which are ends. @default {all} */
  readonly states?: readonly JobState[];
  /** Only these kinds. @default {all} */
  readonly kinds?: readonly string[];
}

/**
 * A durable queue. Each call is one transaction: it has happened altogether or not at all, whatever becomes of the
 * process. Calls about a job that is not there throw a `UserError` that says so.
 */
export interface JobQueue extends AsyncDisposable {
  /** Adds a job, unless there is one about the same content that is not over or has succeeded. */
  add(job: NewJob): Promise<AddedJob>;
  /** Returns a job; `undefined` if there is none. */
  find(id: string): Promise<Job | undefined>;
  /** Lists jobs. */
  list(options?: ListOptions): Promise<readonly Job[]>;
  /** Counts jobs. */
  counts(): Promise<JobCounts>;

  /** Takes the job that is next; `undefined` if none can be done now. */
  claim(options: ClaimOptions): Promise<ClaimedJob | undefined>;
  /** Prolongs a lease and returns what is asked of the job; throws `LeaseLostError` if it is lost. */
  heartbeat(lease: Lease, options: HeartbeatOptions): Promise<JobWish | null>;
  /** Says that a job is done; throws `LeaseLostError` if the lease is lost. */
  succeed(lease: Lease, result: JsonObject): Promise<Job>;
  /** Says that an attempt went wrong; throws `LeaseLostError` if the lease is lost. */
  fail(lease: Lease, failure: AttemptFailure): Promise<Job>;
  /** Calls an attempt off, which then does not count; throws `LeaseLostError` if the lease is lost. */
  release(lease: Lease, release: Release): Promise<Job>;
  /** Puts jobs back that `worker` had, which is known to be dead; returns them. */
  releaseWorker(worker: string): Promise<readonly Job[]>;

  /** Pauses a job; a running one is asked to. */
  pause(id: string): Promise<Job>;
  /** Puts a paused job back, before all others of its priority. */
  resume(id: string): Promise<Job>;
  /** Cancels a job that is not over; a running one is asked to. */
  cancel(id: string, reason?: string): Promise<Job>;
  /** Puts a job back that has failed or was cancelled; its failures are forgotten. */
  retry(id: string): Promise<Job>;
  /** Gives a job another priority, or puts it before or behind all others. */
  move(id: string, to: Priority | "first" | "last"): Promise<Job>;
  /** Removes jobs that are over and that no other job waits for; returns them. */
  prune(options: PruneOptions): Promise<readonly Job[]>;

  /** Notes that something happened to a job. */
  note(jobId: string, event: Omit<JobEvent, "number" | "jobId" | "atMs">): Promise<void>;
  /** Lists what happened to a job, the newest first. */
  events(jobId: string, options?: EventsOptions): Promise<readonly JobEvent[]>;

  /** Adds or changes a schedule. */
  setSchedule(
    name: string,
    schedule: { readonly cron: string; readonly job: ScheduledJob },
  ): Promise<void>;
  /** Removes a schedule; does nothing if there is none. */
  removeSchedule(name: string): Promise<void>;
  /** Lists the schedules. */
  schedules(): Promise<readonly JobSchedule[]>;
  /** Adds a job for each schedule that is due, once however long it has been due; returns them. */
  addDue(): Promise<readonly Job[]>;
}
