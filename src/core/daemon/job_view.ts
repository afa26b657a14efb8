/**
 * A job as it is shown to people and programs.
 *
 * @module
 */

import type { Job, JobState, JobWish, Priority } from "../../management/job_queue/job.ts";
import type { JsonObject } from "../../utils/json.ts";
import { parseTrainPayload, TRAIN_JOB } from "./job_payload.ts";

/** A job as JSON. */
export interface JobView {
  /** Its id. */
  readonly id: string;
  /** What it is. */
  readonly kind: string;
  /** Where it stands. */
  readonly state: JobState;
  /** How urgent it is. */
  readonly priority: Priority;
  /** Attempts so far. */
  readonly attempts: number;
  /** Attempts that went wrong. */
  readonly failures: number;
  /** SHA-256 of its data; null if it is not about data. */
  readonly dataset_sha256: string | null;
  /** What its data was called. */
  readonly name: string | null;
  /** How its data came in. */
  readonly source: string | null;
  /** Rows of its data. */
  readonly rows: number | null;
  /** Settings of its run. */
  readonly settings: JsonObject;
  /** Jobs that it needs. */
  readonly depends_on: readonly string[];
  /** When it was added. */
  readonly created_at: string;
  /** Not before this time. */
  readonly run_at: string;
  /** When its first attempt began. */
  readonly started_at: string | null;
  /** When it came to its end. */
  readonly finished_at: string | null;
  /** What was asked of it while it runs. */
  readonly wish: JobWish | null;
  /** What went wrong last, or why it was cancelled. */
  readonly error: string | null;
  /** Where its run stands. */
  readonly progress: JsonObject | null;
  /** What came of it. */
  readonly result: JsonObject | null;
}

/** Returns a job as it is shown. */
export function jobView(job: Job): JobView {
  const payload = job.kind === TRAIN_JOB ? parseTrainPayload(job.payload) : undefined;
  const { id, kind, state, priority, attempts, failures, wish, error, progress, result } = job;
  return {
    ...{ id, kind, state, priority, attempts, failures },
    dataset_sha256: payload?.dataset_sha256 ?? null,
    name: payload?.name ?? null,
    source: payload?.source ?? null,
    rows: payload?.rows ?? null,
    settings: payload?.settings ?? {},
    depends_on: job.dependsOn,
    created_at: timeOf(job.createdAtMs),
    run_at: timeOf(job.runAtMs),
    started_at: job.startedAtMs === null ? null : timeOf(job.startedAtMs),
    finished_at: job.finishedAtMs === null ? null : timeOf(job.finishedAtMs),
    ...{ wish, error, progress, result },
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
