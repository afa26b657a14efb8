/**
 * The job queue in SQLite: several processes may open the same file.
 *
 * @module
 */

import { systemClock } from "../../utils/clock.ts";
import type { Clock } from "../../utils/clock.ts";
import { openDatabase } from "../../utils/sqlite.ts";
import { type ClaimedJob, IS_TERMINAL, type Job } from "./job.ts";
import type { ClaimOptions, JobQueue } from "./queue.ts";
import { addJob, countJobs, listJobs, moveJob, pruneJobs } from "./sqlite_jobs.ts";
import { addDueJobs, listSchedules, removeSchedule, setSchedule } from "./sqlite_schedules.ts";
import { eventOf, JOB_QUEUE_SCHEMA, jobOf } from "./sqlite_schema.ts";
import {
  changeState,
  expireLeases,
  findJob,
  type JobTable,
  noteEvent,
  refuse,
  requireJob,
  requireLeased,
  stateByWish,
} from "./sqlite_transitions.ts";

/** Options of {@linkcode openSqliteQueue}. */
export interface SqliteQueueOptions {
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** Waiting so long is worth one priority. @default {6 hours} */
  readonly ageingMs?: number;
}

const AGEING_MS = 6 * 3_600_000;

/**
 * Opens the queue in the file `path`, which is made if it is not there.
 *
 * @throws {UserError} If the file cannot be used.
 */
export function openSqliteQueue(path: string, options: SqliteQueueOptions = {}): JobQueue {
  const { clock = systemClock, ageingMs = AGEING_MS } = options;
  const database = openDatabase(path, JOB_QUEUE_SCHEMA);
  const table: JobTable = { database, now: () => Math.round(clock()) };
  // deno-lint-ignore require-await -- what a transaction throws is to be a rejection
  const change = async <T>(work: () => T): Promise<T> => database.transaction(work);
  // deno-lint-ignore require-await -- what a query throws is to be a rejection
  const read = async <T>(work: () => T): Promise<T> => work();
  return {
    add: (job) => change(() => addJob(table, job, ageingMs)),
    find: (id) => read(() => findJob(table, id)),
    list: (options = {}) => read(() => listJobs(table, options)),
    counts: () => read(() => countJobs(table)),

    claim: (options) => change(() => claimJob(table, options)),
    heartbeat: (lease, { leaseMs, progress }) =>
      change(() => {
        const job = requireLeased(table, lease);
        const now = table.now();
        database.run(
          `UPDATE jobs SET heartbeat_at = :now, lease_until = :until, progress = coalesce(:progress, progress)
           WHERE id = :id`,
          {
            id: job.id,
            now,
            until: now + leaseMs,
            progress: progress === undefined ? null : JSON.stringify(progress),
          },
        );
        return job.wish;
      }),
    succeed: (lease, result) =>
      change(() =>
        changeState(table, requireLeased(table, lease), {
          ...{ state: "succeeded", error: null, result: JSON.stringify(result) },
        })
      ),
    fail: (lease, { error, retryAtMs, counts = true }) =>
      change(() => {
        const job = requireLeased(table, lease);
        const failures = job.failures + (counts ? 1 : 0);
        const isLast = retryAtMs === null || failures >= job.maxFailures;
        return changeState(table, job, {
          state: isLast ? "failed" : stateByWish(job) ?? "queued",
          error,
          failures,
          ...(isLast ? {} : { runAtMs: Math.round(retryAtMs) }),
        });
      }),
    release: (lease, { state, reason = null, runAtMs }) =>
      change(() => {
        const job = requireLeased(table, lease);
        const ended = state === "queued" ? stateByWish(job) ?? state : state;
        return changeState(table, job, {
          state: ended,
          error: reason,
          attempts: job.attempts - 1,
          ...(runAtMs === undefined ? {} : { runAtMs: Math.round(runAtMs) }),
        });
      }),
    releaseWorker: (worker) =>
      change(() =>
        database.all("SELECT * FROM jobs WHERE state = 'running' AND worker = :worker", { worker })
          .map((row) => jobOf(database, row))
          .map((job) => changeState(table, job, { state: stateByWish(job) ?? "queued" }))
      ),

    pause: (id) =>
      change(() => {
        const job = requireJob(table, id);
        if (job.state === "queued") return changeState(table, job, { state: "paused" });
        if (job.state === "running") return wish(table, job, "pause");
        return job.state === "paused" ? job : refuse("pause", job);
      }),
    resume: (id) =>
      change(() => {
        const job = requireJob(table, id);
        if (job.state === "paused") {
          return changeState(table, job, { state: "queued", runAtMs: table.now() });
        }
        if (job.state === "running") {
          return wish(table, job, null);
        }
        return job.state === "queued" ? job : refuse("resume", job);
      }),
    cancel: (id, reason) =>
      change(() => {
        const job = requireJob(table, id);
        if (job.state === "running") return wish(table, job, "cancel");
        if (job.state === "cancelled") return job;
        if (IS_TERMINAL[job.state]) return refuse("cancel", job);
        return changeState(table, job, { state: "cancelled", error: reason ?? null });
      }),
    retry: (id) =>
      change(() => {
        const job = requireJob(table, id);
        if (job.state !== "failed" && job.state !== "cancelled") return refuse("retry", job);
        return changeState(table, job, {
          state: "queued",
          failures: 0,
          runAtMs: table.now(),
          error: null,
        });
      }),
    move: (id, to) => change(() => moveJob(table, { id, to, ageingMs })),
    prune: (options) => change(() => pruneJobs(table, options)),

    note: (jobId, event) => change(() => noteEvent(table, jobId, event)),
    events: (jobId, { limit = 100, before = Number.MAX_SAFE_INTEGER } = {}) =>
      read(() =>
        database.all(
          `SELECT * FROM job_events WHERE job_id = :jobId AND number < :before ORDER BY number DESC LIMIT :limit`,
          { jobId, before, limit },
        ).map(eventOf)
      ),

    setSchedule: (name, schedule) => change(() => setSchedule(table, name, schedule)),
    removeSchedule: (name) => change(() => removeSchedule(table, name)),
    schedules: () => read(() => listSchedules(table)),
    addDue: () => change(() => addDueJobs(table, (job) => addJob(table, job, ageingMs).job)),

    [Symbol.asyncDispose]: () => {
      database[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function claimJob(
  table: JobTable,
  { worker, leaseMs, kinds }: ClaimOptions,
): ClaimedJob | undefined {
  const { database } = table;
  expireLeases(table);
  const now = table.now();
  const row = database.first(
    `SELECT id FROM jobs
     WHERE state = 'queued' AND run_at <= :now
       AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
       AND NOT EXISTS (
         SELECT 1 FROM job_dependencies JOIN jobs AS needed ON needed.id = needs
         WHERE job_id = jobs.id AND needed.state <> 'succeeded')
     ORDER BY rank, number LIMIT 1`,
    { now, kinds: kinds === undefined ? null : JSON.stringify(kinds) },
  );
  if (row === undefined) return undefined;
  const lease = { jobId: String(row["id"]), token: crypto.randomUUID() };
  database.run(
    `UPDATE jobs SET state = 'running', worker = :worker, token = :token, lease_until = :until, wish = NULL,
       heartbeat_at = :now, started_at = coalesce(started_at, :now), attempts = attempts + 1
     WHERE id = :jobId`,
    { ...lease, worker, now, until: now + leaseMs },
  );
  return { job: requireJob(table, lease.jobId), lease };
}

function wish(table: JobTable, { id }: Job, wanted: "pause" | "cancel" | null): Job {
  table.database.run("UPDATE jobs SET wish = :wanted WHERE id = :id", { id, wanted });
  return requireJob(table, id);
}
