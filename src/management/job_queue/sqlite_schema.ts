/**
 * The tables of the job queue in SQLite, and its rows as jobs.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { Database, SqlRow, SqlSchema } from "../../utils/sqlite.ts";
import {
  type Job,
  type JobEvent,
  type JobState,
  type JobWish,
  PRIORITIES,
  type Priority,
} from "./job.ts";

/** The tables. Jobs are done in the order of `rank`. */
export const JOB_QUEUE_SCHEMA: SqlSchema = {
  component: "job_queue",
  versions: [`
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  priority INTEGER NOT NULL,
  rank REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  max_failures INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  heartbeat_at INTEGER,
  worker TEXT,
  token TEXT,
  lease_until INTEGER,
  wish TEXT,
  error TEXT,
  progress TEXT,
  result TEXT,
  CHECK ((state = 'running') = (token IS NOT NULL)),
  CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX jobs_by_rank ON jobs (state, rank, number);
CREATE INDEX jobs_by_content ON jobs (kind, content_hash);
CREATE TABLE job_dependencies (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  needs TEXT NOT NULL REFERENCES jobs (id),
  PRIMARY KEY (job_id, needs)
) STRICT;
CREATE INDEX job_dependencies_by_need ON job_dependencies (needs);
CREATE TABLE job_events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  data TEXT
) STRICT;
CREATE INDEX job_events_by_job ON job_events (job_id, number);
CREATE TABLE job_schedules (
  name TEXT PRIMARY KEY,
  cron TEXT NOT NULL,
  job TEXT NOT NULL,
  next_at INTEGER NOT NULL
) STRICT;
`],
};

/** Returns the number that stands for a priority. */
export function priorityNumber(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/** Turns a row of `jobs` into a job. */
export function jobOf(database: Database, row: SqlRow): Job {
  const id = String(row["id"]);
  const needs = database.all("SELECT needs FROM job_dependencies WHERE job_id = :id", { id });
  return {
    id,
    kind: String(row["kind"]),
    contentHash: String(row["content_hash"]),
    payload: jsonOf(row["payload"]) ?? {},
    state: row["state"] as JobState,
    priority: PRIORITIES[Number(row["priority"])]!,
    dependsOn: needs.map((need) => String(need["needs"])),
    attempts: Number(row["attempts"]),
    failures: Number(row["failures"]),
    maxFailures: Number(row["max_failures"]),
    createdAtMs: Number(row["created_at"]),
    runAtMs: Number(row["run_at"]),
    startedAtMs: numberOf(row["started_at"]),
    finishedAtMs: numberOf(row["finished_at"]),
    heartbeatAtMs: numberOf(row["heartbeat_at"]),
    worker: textOf(row["worker"]),
    wish: textOf(row["wish"]) as JobWish | null,
    error: textOf(row["error"]),
    progress: jsonOf(row["progress"]),
    result: jsonOf(row["result"]),
  };
}

/** Turns a row of `job_events` into an event. */
export function eventOf(row: SqlRow): JobEvent {
  return {
    number: Number(row["number"]),
    jobId: String(row["job_id"]),
    atMs: Number(row["at"]),
    level: row["level"] as JobEvent["level"],
    message: String(row["message"]),
    data: jsonOf(row["data"]),
  };
}

function jsonOf(value: unknown): JsonObject | null {
  return value === null ? null : JSON.parse(String(value));
}

function numberOf(value: unknown): number | null {
  return value === null ? null : Number(value);
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}
