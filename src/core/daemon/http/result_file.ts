/**
 * The result of a job as a file of the API: a table with a line for each step.
 *
 * @module
 */

import { join } from "node:path";
import type { Job } from "../../../management/job_queue/job.ts";
import { parseTrainPayload, runName, TRAIN_JOB } from "../job_payload.ts";
import type { ApiContext } from "./api_context.ts";
import { readMetrics } from "./job_checkpoints.ts";
import { metricsObject } from "./job_object.ts";

const PREFIX = "file-results-";

/** The file of the API that holds a job's result. */
export interface ResultFile {
  /** Its id. */
  readonly id: string;
  /** The job. */
  readonly job: Job;
  /** The table. */
  readonly csv: string;
}

/** Returns the id of the file that holds a job's result. */
export function resultFileId(jobId: string): string {
  return `${PREFIX}${jobId}`;
}

/** Finds the file of a job's result; `undefined` if `id` is not that of one that succeeded. */
export async function findResultFile(
  { queue, paths }: ApiContext,
  id: string,
): Promise<ResultFile | undefined> {
  if (!id.startsWith(PREFIX)) return undefined;
  const job = await queue.find(id.slice(PREFIX.length));
  if (job?.kind !== TRAIN_JOB || job.state !== "succeeded") return undefined;
  const folder = join(paths.runs, runName(parseTrainPayload(job.payload), job.id));
  const lines = [...(await readMetrics(folder)).values()].map((each) => {
    const { step, train_loss, valid_loss = "" } = metricsObject(each);
    return `${step},${train_loss},${valid_loss}\n`;
  });
  return { id, job, csv: `step,train_loss,valid_loss\n${lines.join("")}` };
}
