/**
 * From a file to a job: stored by content, looked over, its lineage noted, queued once.
 *
 * @module
 */

import type { AddedJob, Priority } from "../../management/job_queue/job.ts";
import type { JobQueue } from "../../management/job_queue/queue.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { HomePaths } from "../../utils/paths.ts";
import { noteLineage, storeDataset, type StoredDataset } from "./dataset_store.ts";
import { type DatasetSource, trainJob } from "./job_payload.ts";
import type { TrainingPolicy } from "./settings.ts";
import { type DatasetVerdict, VALIDATOR, verdictOn } from "./verdict.ts";

/** What is needed to take files in. */
export interface IntakeContext {
  /** Where jobs go. */
  readonly queue: JobQueue;
  /** Where files go. */
  readonly paths: HomePaths;
  /** Reads the settings of runs that the home gives now. */
  readonly readHome: () => Promise<JsonObject>;
  /** Failures after which a job has failed. @default {3} */
  readonly maxFailures?: number;
}

/** A file to be trained on. */
export interface NewDataset {
  /** Where it is. */
  readonly path: string;
  /** What it is called. */
  readonly name: string;
  /** How it came. */
  readonly source: DatasetSource;
  /** Settings of its run. @default {those of the home} */
  readonly settings?: JsonObject;
  /** What it trains on from. @default {as the daemon is set} */
  readonly policy?: TrainingPolicy | undefined;
  /** How urgent it is. @default {"normal"} */
  readonly priority?: Priority | undefined;
  /** Jobs that must have succeeded before it. @default {[]} */
  readonly dependsOn?: readonly string[];
  /** Where it came from. @default {nothing is known} */
  readonly lineage?: JsonObject | undefined;
  /** Train on it although that was done before. @default {false} */
  readonly again?: boolean;
}

/** What became of a file. */
export interface TakenIn extends AddedJob {
  /** What was found out about it. */
  readonly verdict: DatasetVerdict;
}

/**
 * Stores a file and queues a job that trains on it. Data that cannot be trained on becomes a job that has failed, so
 * that it is seen; data that is queued or was trained on becomes none. The file itself stays where it is.
 *
 * @throws {UserError} If the file cannot be read, or the disk is full.
 */
export async function takeIn(context: IntakeContext, dataset: NewDataset): Promise<TakenIn> {
  const stored = await storeDataset(context.paths.data, dataset.path, dataset.name);
  return await queueDataset(context, { ...dataset, stored });
}

/** Queues a job that trains on a data set which is stored already; see {@linkcode takeIn}. */
export async function queueDataset(
  { queue, paths, readHome, maxFailures }: IntakeContext,
  dataset: Omit<NewDataset, "path"> & { readonly stored: Pick<StoredDataset, "sha256"> },
): Promise<TakenIn> {
  const { name, source, settings = {}, policy, priority, lineage, stored } = dataset;
  const { sha256 } = stored;
  const run = { ...await readHome(), ...settings };
  const verdict = await verdictOn({ sha256, name }, { paths, settings: run });
  const added = await queue.add({
    ...trainJob({
      ...{ dataset_sha256: sha256, name, source, settings, rows: verdict.rows },
      policy: policy ?? null,
      ...{ publish: true, run: null, request: null },
    }),
    ...(priority === undefined ? {} : { priority }),
    ...(dataset.dependsOn === undefined ? {} : { dependsOn: dataset.dependsOn }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    again: dataset.again ?? false,
    ...(verdict.problem === null ? {} : { error: reasonOf(verdict.problem) }),
  });
  await noteLineage(paths.data, {
    sha256,
    received: {
      at: new Date().toISOString(),
      name,
      source,
      job_id: added.job.id,
      duplicate: !added.isNew,
      generator: lineage ?? null,
      validator: { ...VALIDATOR },
      valid: verdict.problem === null,
    },
  });
  return { ...added, verdict };
}

/** Says why data cannot be trained on. */
export function reasonOf(problem: string): string {
  return `the data cannot be trained on: ${problem}`;
}
