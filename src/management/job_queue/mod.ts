/**
 * A durable queue of jobs of any kind in one SQLite file, which several processes may open.
 *
 * @example
 * ```ts
 * import { openSqliteQueue } from "@llm-training/llm-training/management/job_queue";
 *
 * await using queue = openSqliteQueue(`${await Deno.makeTempDir()}/jobs.sqlite`);
 * await queue.add({ kind: "greet", contentHash: "1", payload: { name: "Anna" } });
 * const claimed = await queue.claim({ worker: "me", leaseMs: 60_000 });
 * const { state } = await queue.succeed(claimed!.lease, { said: "Hello, Anna" });
 * if (state !== "succeeded") throw new Error("it was done");
 * ```
 *
 * @module
 */

export {
  type AddedJob,
  type ClaimedJob,
  IS_TERMINAL,
  type Job,
  JOB_STATES,
  type JobEvent,
  type JobSchedule,
  type JobState,
  type JobWish,
  type Lease,
  LeaseLostError,
  type NewJob,
  PRIORITIES,
  type Priority,
  type ScheduledJob,
} from "./job.ts";
export type {
  AttemptFailure,
  ClaimOptions,
  EventsOptions,
  HeartbeatOptions,
  JobCounts,
  JobQueue,
  ListOptions,
  PruneOptions,
  Release,
} from "./queue.ts";
export { openSqliteQueue, type SqliteQueueOptions } from "./sqlite_queue.ts";
export type { Clock } from "../../utils/clock.ts";
export type { JsonObject } from "../../utils/json.ts";
