/**
 * How jobs in SQLite change their state: each function is part of one transaction.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { Database, SqlParameters } from "../../utils/sqlite.ts";
import { IS_TERMINAL, type Job, type JobEvent, type JobState, LeaseLostError } from "./job.ts";
import type { Lease } from "./job.ts";
import { jobOf } from "./sqlite_schema.ts";

/** What the functions work with. */
export interface JobTable {
  /** Where the jobs are. */
  readonly database: Database;
  /** The time, in whole milliseconds since 1970. */
  readonly now: () => number;
}

/** Events that are kept of a job. */
const MAX_EVENTS = 1000;

/** Returns a job; `undefined` if there is none. */
export function findJob({ database }: JobTable, id: string): Job | undefined {
  const row = database.first("SELECT * FROM jobs WHERE id = :id", { id });
  return row && jobOf(database, row);
}

/**
 * Returns a job.
 *
 * @throws {UserError} If there is none.
 */
export function requireJob(table: JobTable, id: string): Job {
  const job = findJob(table, id);
  if (job === undefined) {
    throw new UserError(`Cannot find job "${id}": there is none of that id; see "queue list"`);
  }
  return job;
}

/**
 * Returns the job that `lease` gives the right to.
 *
 * @throws {LeaseLostError} If somebody else has it, or it is over.
 */
export function requireLeased(table: JobTable, { jobId, token }: Lease): Job {
  const row = table.database.first("SELECT * FROM jobs WHERE id = :jobId AND token = :token", {
    jobId,
    token,
  });
  if (row === undefined) throw new LeaseLostError(jobId);
  return jobOf(table.database, row);
}

/** What a change of state sets besides. */
export interface StateChange {
  /** From now on. */
  readonly state: JobState;
  /** What went wrong; null forgets it. */
  readonly error?: string | null;
  /** Not before this time. */
  readonly runAtMs?: number;
  /** Attempts from now on. */
  readonly attempts?: number;
  /** Failures from now on. */
  readonly failures?: number;
  /** What came of it, as JSON. */
  readonly result?: string;
}

/** Puts a job into a state that is not `running`; jobs that wait for one that comes to nothing are cancelled. */
export function changeState(table: JobTable, job: Job, change: StateChange): Job {
  const { database, now } = table;
  const { state, error = job.error, runAtMs = job.runAtMs } = change;
  const { attempts = job.attempts, failures = job.failures } = change;
  database.run(
    `UPDATE jobs SET state = :state, error = :error, run_at = :runAt, attempts = :attempts, failures = :failures,
       result = :result, finished_at = :finishedAt, worker = NULL, token = NULL, lease_until = NULL, wish = NULL
     WHERE id = :id`,
    {
      id: job.id,
      state,
      error,
      runAt: runAtMs,
      attempts,
      failures,
      result: change.result ?? null,
      finishedAt: IS_TERMINAL[state] ? now() : null,
    },
  );
  if (state === "failed" || state === "cancelled") cancelDependents(table, job.id, state);
  return requireJob(table, job.id);
}

/** Puts jobs back whose workers have been silent for too long. */
export function expireLeases(table: JobTable): void {
  const { database, now } = table;
  const rows = database.all(
    "SELECT * FROM jobs WHERE state = 'running' AND lease_until <= :now",
    { now: now() },
  );
  for (const row of rows) {
    const job = jobOf(database, row);
    const failures = job.failures + 1;
    const error = `its worker "${job.worker}" was silent for too long`;
    noteEvent(table, job.id, {
      level: "error",
      message: `Attempt ${job.attempts}: ${error}`,
      data: null,
    });
    changeState(table, job, {
      state: stateByWish(job) ?? (failures >= job.maxFailures ? "failed" : "queued"),
      error,
      failures,
    });
  }
}

/** The state that somebody asked for while a job ran; `undefined` if nobody did. */
export function stateByWish({ wish }: Job): "paused" | "cancelled" | undefined {
  if (wish === null) return undefined;
  return wish === "pause" ? "paused" : "cancelled";
}

/** Notes that something happened to a job; the oldest of too many are forgotten. */
export function noteEvent(
  { database, now }: JobTable,
  jobId: string,
  { level, message, data }: Omit<JobEvent, "number" | "jobId" | "atMs">,
): void {
  const parameters: SqlParameters = {
    jobId,
    at: now(),
    level,
    message,
    data: data === null ? null : JSON.stringify(data),
  };
  database.run(
    `INSERT INTO job_events (job_id, at, level, message, data)
     SELECT id, :at, :level, :message, :data FROM jobs WHERE id = :jobId`,
    parameters,
  );
  database.run(
    `DELETE FROM job_events WHERE job_id = :jobId AND number <=
       (SELECT number FROM job_events WHERE job_id = :jobId ORDER BY number DESC LIMIT 1 OFFSET ${MAX_EVENTS})`,
    { jobId },
  );
}

/** Throws that a job is in the wrong state for what was asked. */
export function refuse(action: string, { id, state }: Job): never {
  throw new UserError(`Cannot ${action} job "${id}": it is ${state}`);
}

function cancelDependents(table: JobTable, id: string, state: "failed" | "cancelled"): void {
  const rows = table.database.all(
    `SELECT jobs.* FROM jobs JOIN job_dependencies ON job_id = id
     WHERE needs = :id AND state IN ('queued', 'paused')`,
    { id },
  );
  for (const row of rows) {
    const job = jobOf(table.database, row);
    changeState(table, job, {
      state: "cancelled",
      error: `it needs job "${id}", which ${state === "failed" ? "has failed" : "was cancelled"}`,
    });
  }
}
