/**
 * The jobs of the queue in SQLite as a list: added, looked through, put in order, removed.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import {
  type AddedJob,
  IS_TERMINAL,
  type Job,
  JOB_STATES,
  type JobState,
  type NewJob,
  PRIORITIES,
  type Priority,
} from "./job.ts";
import type { JobCounts, ListOptions, PruneOptions } from "./queue.ts";
import { jobOf, priorityNumber } from "./sqlite_schema.ts";
import { type JobTable, refuse, requireJob } from "./sqlite_transitions.ts";

/** Adds a job, unless there is one about the same content. */
export function addJob(table: JobTable, job: NewJob, ageingMs: number): AddedJob {
  const { database } = table;
  const now = table.now();
  const { kind, contentHash, payload, again = false, error = null, priority = "normal" } = job;
  const { id = `job-${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`, dependsOn = [] } =
    job;
  const same = again ? undefined : database.first(
    `SELECT * FROM jobs WHERE kind = :kind AND content_hash = :contentHash AND state NOT IN ('failed', 'cancelled')
     ORDER BY number DESC LIMIT 1`,
    { kind, contentHash },
  );
  if (same !== undefined) return { job: jobOf(database, same), isNew: false };
  for (const need of dependsOn) {
    const { state } = requireJob(table, need);
    if (state === "failed" || state === "cancelled") {
      throw new UserError(
        `Cannot add a job that needs job "${need}": that one is ${state}; retry it first`,
      );
    }
  }
  database.run(
    `INSERT INTO jobs (id, kind, content_hash, payload, state, priority, rank, max_failures, created_at, run_at,
       finished_at, error)
     VALUES (:id, :kind, :contentHash, :payload, :state, :priority, :rank, :maxFailures, :now, :runAt,
       :finishedAt, :error)`,
    {
      id,
      kind,
      contentHash,
      payload: JSON.stringify(payload),
      state: error === null ? "queued" : "failed",
      priority: priorityNumber(priority),
      rank: rankOf({ priority, sinceMs: now, ageingMs }),
      maxFailures: job.maxFailures ?? 3,
      now,
      runAt: Math.round(job.runAtMs ?? now),
      finishedAt: error === null ? null : now,
      error,
    },
  );
  for (const need of new Set(dependsOn)) {
    database.run("INSERT INTO job_dependencies VALUES (:id, :need)", { id, need });
  }
  return { job: requireJob(table, id), isNew: true };
}

/** Whoever waits `ageingMs` longer goes before one priority more: an order that does not change with time. */
function rankOf({ priority, sinceMs, ageingMs }: {
  readonly priority: Priority;
  readonly sinceMs: number;
  readonly ageingMs: number;
}): number {
  return sinceMs + priorityNumber(priority) * ageingMs;
}

/** Lists jobs. */
export function listJobs(table: JobTable, options: ListOptions): Job[] {
  const { states, kinds, contentHash, order = "queue", limit = -1 } = options;
  const orders = {
    // what runs, what waits in its order, what is over
    queue: `CASE state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 WHEN 'paused' THEN 2 ELSE 3 END,
      CASE WHEN finished_at IS NULL THEN rank END, finished_at, number`,
    newest: "number DESC",
  };
  const rows = table.database.all(
    `SELECT * FROM jobs
     WHERE (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
       AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
       AND (:contentHash IS NULL OR content_hash = :contentHash)
     ORDER BY ${orders[order]} LIMIT :limit`,
    {
      states: states === undefined ? null : JSON.stringify(states),
      kinds: kinds === undefined ? null : JSON.stringify(kinds),
      contentHash: contentHash ?? null,
      limit,
    },
  );
  return rows.map((row) => jobOf(table.database, row));
}

/** Counts jobs. */
export function countJobs({ database }: JobTable): JobCounts {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0]));
  for (const row of database.all("SELECT state, count(*) AS count FROM jobs GROUP BY state")) {
    counts[String(row["state"])] = Number(row["count"]);
  }
  return counts as Record<JobState, number>;
}

/** Gives a job another place in the order. */
export function moveJob(
  table: JobTable,
  { id, to, ageingMs }: { id: string; to: Priority | "first" | "last"; ageingMs: number },
): Job {
  const { database } = table;
  const job = requireJob(table, id);
  if (IS_TERMINAL[job.state]) return refuse("move", job);
  const isPriority = (PRIORITIES as readonly string[]).includes(to);
  const priority = isPriority ? to as Priority : job.priority;
  const edge = database.first(
    "SELECT min(rank) AS first, max(rank) AS last FROM jobs WHERE state IN ('queued', 'paused') AND id <> :id",
    { id },
  );
  const rank = isPriority || typeof edge?.["first"] !== "number"
    ? rankOf({ priority, sinceMs: job.createdAtMs, ageingMs })
    : to === "first"
    ? Number(edge["first"]) - 1
    : Number(edge["last"]) + 1;
  database.run("UPDATE jobs SET rank = :rank, priority = :priority WHERE id = :id", {
    id,
    rank,
    priority: priorityNumber(priority),
  });
  return requireJob(table, id);
}

/** Removes jobs that are over and that no other job waits for. */
export function pruneJobs(
  table: JobTable,
  { finishedBeforeMs, states, kinds }: PruneOptions,
): Job[] {
  const { database } = table;
  // newest first, so that jobs go before those they needed
  const rows = database.all(
    `SELECT * FROM jobs
     WHERE finished_at < :before AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
       AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
     ORDER BY number DESC`,
    {
      before: Math.round(finishedBeforeMs),
      states: states === undefined ? null : JSON.stringify(states),
      kinds: kinds === undefined ? null : JSON.stringify(kinds),
    },
  );
  const pruned: Job[] = [];
  for (const row of rows) {
    const job = jobOf(database, row);
    if (database.first("SELECT 1 FROM job_dependencies WHERE needs = :id", { id: job.id })) {
      continue;
    }
    database.run("DELETE FROM jobs WHERE id = :id", { id: job.id });
    pruned.push(job);
  }
  return pruned;
}
