/**
 * The checkpoints of a job, as OpenAI's API has them.
 *
 * @module
 */

import { join } from "node:path";
import type { Job } from "../../../management/job_queue/job.ts";
import { listCheckpoints } from "../../../models/checkpoint/list.ts";
import type { JsonObject } from "../../../utils/json.ts";
import { METRICS_FILE } from "../../../monitoring/runs/run_files.ts";
import { parseTrainPayload, runName } from "../job_payload.ts";
import { type ApiContext, seconds } from "./api_context.ts";
import { metricsObject } from "./job_object.ts";

/** A checkpoint as the API has it. */
export interface CheckpointObject {
  /** What this is. */
  readonly object: "fine_tuning.job.checkpoint";
  /** Its id. */
  readonly id: string;
  /** When it was saved. */
  readonly created_at: number;
  /** The model's name. */
  readonly fine_tuned_model_checkpoint: string;
  /** The job. */
  readonly fine_tuning_job_id: string;
  /** Steps done. */
  readonly step_number: number;
  /** What was measured. */
  readonly metrics: JsonObject;
}

/** Returns the checkpoints of a job, the newest first. */
export async function checkpointObjects(
  { paths }: ApiContext,
  job: Job,
): Promise<readonly CheckpointObject[]> {
  const run = runName(parseTrainPayload(job.payload), job.id);
  const folder = join(paths.runs, run);
  const metrics = await readMetrics(folder);
  const found: CheckpointObject[] = [];
  for (const { path, step } of (await listCheckpoints(folder)).reverse()) {
    const { mtime } = await Deno.stat(path);
    found.push({
      object: "fine_tuning.job.checkpoint",
      id: `ftckpt-${job.id.replace(/^ftjob-/, "")}-${step}`,
      created_at: seconds(mtime?.getTime() ?? 0),
      fine_tuned_model_checkpoint: `${run}/checkpoints/checkpoint-${step}`,
      fine_tuning_job_id: job.id,
      step_number: step,
      metrics: metricsObject(metrics.get(step) ?? { step }),
    });
  }
  return found;
}

/** Reads the metrics of the run in `folder` by step; of a line that is being written nothing is read. */
export async function readMetrics(folder: string): Promise<ReadonlyMap<number, JsonObject>> {
  const path = join(folder, METRICS_FILE);
  let lines: string[];
  try {
    lines = (await Deno.readTextFile(path)).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
  return new Map(
    lines.slice(0, -1).map((line) => {
      const metrics = JSON.parse(line) as JsonObject;
      return [Number(metrics["step"]), metrics];
    }),
  );
}
