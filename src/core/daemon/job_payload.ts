/**
 * What the daemon's jobs are about: the payload of each kind.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { NewJob } from "../../management/job_queue/job.ts";
import {
  anyObject,
  boolean,
  decode,
  integer,
  type JsonObject,
  nullable,
  object,
  oneOf,
  text,
} from "../../utils/json.ts";
import { TRAINING_POLICIES, type TrainingPolicy } from "./settings.ts";

/** The kind of jobs that train on a data set. */
export const TRAIN_JOB = "train";

/** The kind of jobs that make a data set. */
export const GENERATE_JOB = "generate";

/** How a data set came in. */
export const DATASET_SOURCES = ["inbox", "queue", "api", "generator"] as const;

/** How a data set came in. */
export type DatasetSource = (typeof DATASET_SOURCES)[number];

/** What a job that trains is about. */
export interface TrainPayload {
  /** SHA-256 of the data. */
  readonly dataset_sha256: string;
  /** What the data was called; it tells people apart what the hash tells programs. */
  readonly name: string;
  /** How the data came in. */
  readonly source: DatasetSource;
  /** Rows of the data. */
  readonly rows: number;
  /** Settings of this run, before those of the home. */
  readonly settings: JsonObject;
  /** What it trains on from; null leaves it to the daemon. */
  readonly policy: TrainingPolicy | null;
  /** Whether the model becomes the live one. */
  readonly publish: boolean;
  /** Name of the folder of the run; null makes one from the data's name. */
  readonly run: string | null;
  /** What the API answers with; null if it came another way. */
  readonly request: JsonObject | null;
}

const trainPayload = object<TrainPayload>({
  dataset_sha256: text(),
  name: text(),
  source: oneOf(DATASET_SOURCES),
  rows: integer({ min: 0 }),
  settings: anyObject(),
  policy: nullable(oneOf(TRAINING_POLICIES)),
  publish: boolean(),
  run: nullable(text()),
  request: nullable(anyObject()),
});

/** Decodes the payload of a job that trains. */
export function parseTrainPayload(payload: JsonObject): TrainPayload {
  return decode(trainPayload, payload, "a job");
}

/** Returns what is about a data set trained with some settings: equal for equal data and settings. */
export function trainJob(payload: TrainPayload): Pick<NewJob, "kind" | "contentHash" | "payload"> {
  const { dataset_sha256, settings, policy } = payload;
  const plain = Object.keys(settings).length === 0 && policy === null;
  const key = JSON.stringify([dataset_sha256, policy, Object.entries(settings).toSorted()]);
  return {
    kind: TRAIN_JOB,
    contentHash: plain ? dataset_sha256 : createHash("sha256").update(key).digest("hex"),
    payload: { ...payload },
  };
}

/** Returns the name of the folder of a job's run. */
export function runName({ name, run }: TrainPayload, jobId: string): string {
  if (run !== null) return run;
  const base = name.split(/[/\\]/).at(-1)!.replace(/\.(?:gz|zst)$/i, "").replace(/\.[^.]*$/, "");
  const plain = base.replaceAll(/[^\w.-]+/g, "-").replace(/^[-.]+/, "").slice(0, 40);
  return `${plain || "data"}-${jobId.replace(/^job-/, "")}`;
}
