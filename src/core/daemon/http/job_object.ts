/**
 * A job as OpenAI's API has it.
 *
 * @module
 */

import type { Job, JobEvent, JobState } from "../../../management/job_queue/job.ts";
import { anyObject, decode, type JsonObject } from "../../../utils/json.ts";
import { parseTrainPayload, runName } from "../job_payload.ts";
import { seconds } from "./api_context.ts";
import type { JobRequest } from "./job_request.ts";
import { resultFileId } from "./result_file.ts";

/**
 * What a job's state is called. OpenAI's list of values lacks `paused`, although jobs can be paused; its example of
 * the answer has it.
 */
const STATUS: Readonly<Record<JobState, string>> = {
  queued: "queued",
  running: "running",
  paused: "paused",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};

/** Returns the request that a job came by; `undefined` if it came another way. */
export function requestOf(job: Job): JobRequest | undefined {
  const { request } = parseTrainPayload(job.payload);
  return request === null ? undefined : request as unknown as JobRequest;
}

/** Returns a job as the API has it. */
export function jobObject(job: Job, request: JobRequest) {
  const payload = parseTrainPayload(job.payload);
  const { hyperparameters, model, training_file, validation_file, seed, suffix, metadata } =
    request;
  const isDone = job.state === "succeeded";
  return {
    object: "fine_tuning.job",
    id: job.id,
    created_at: seconds(job.createdAtMs),
    finished_at: job.finishedAtMs === null ? null : seconds(job.finishedAtMs),
    model,
    fine_tuned_model: isDone ? runName(payload, job.id) : null,
    organization_id: "local",
    result_files: isDone ? [resultFileId(job.id)] : [],
    status: STATUS[job.state],
    error: job.state === "failed" && job.error !== null
      ? {
        code: job.attempts === 0 ? "invalid_training_file" : "training_failed",
        message: job.error,
        param: job.attempts === 0 ? "training_file" : null,
      }
      : null,
    training_file,
    validation_file,
    hyperparameters,
    method: { type: "supervised", supervised: { hyperparameters } },
    trained_tokens: isDone ? Number(job.result?.["trained_tokens"] ?? 0) : null,
    estimated_finish: estimatedFinish(job),
    user_provided_suffix: suffix,
    seed,
    integrations: [],
    metadata,
  };
}

/** Returns an event as the API has it. */
export function eventObject({ number, atMs, level, message, data }: JobEvent) {
  return {
    object: "fine_tuning.job.event",
    id: `ftevent-${number}`,
    created_at: seconds(atMs),
    level,
    message,
    type: data === null ? "message" : "metrics",
    data: data === null ? {} : metricsObject(data),
  };
}

/** Returns what was measured of a step, in the words of the API. */
export function metricsObject(metrics: JsonObject): JsonObject {
  const { step, loss, eval_loss } = decode(anyObject(), metrics, "metrics");
  return {
    step,
    train_loss: loss,
    ...(eval_loss === undefined ? {} : { valid_loss: eval_loss, full_valid_loss: eval_loss }),
  };
}

function estimatedFinish({ state, progress, startedAtMs, heartbeatAtMs }: Job): number | null {
  const step = Number(progress?.["step"] ?? 0);
  const total = Number(progress?.["total_steps"] ?? 0);
  if (state !== "running" || step === 0 || total === 0) return null;
  const elapsedMs = heartbeatAtMs! - startedAtMs!;
  return seconds(heartbeatAtMs! + elapsedMs * (total - step) / step);
}
