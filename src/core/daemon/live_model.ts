/**
 * Which model is live: the one that the last file made and that was not found worse.
 *
 * @module
 */

import { writeFileAtomic } from "../../utils/atomic_file.ts";
import {
  decode,
  nullable,
  number,
  object,
  optional,
  readJsonFile,
  text,
} from "../../utils/json.ts";
import { existsSync } from "node:fs";

/** The loss of a model on a fixed set. */
export interface FixedSetLoss {
  /** SHA-256 of the set. */
  readonly dataset_sha256: string;
  /** Mean loss. */
  readonly loss: number;
}

/** A model that was trained. */
export interface LiveModel {
  /** Folder of the checkpoint. */
  readonly checkpoint: string;
  /** The model that all began with, by the name that the settings had for it. */
  readonly model: string;
  /** Folder of the run. */
  readonly run: string;
  /** The job that made it. */
  readonly job_id: string;
  /** The data that made it. */
  readonly dataset_sha256: string;
  /** The model that an adapter is for; null if it is a whole model. */
  readonly base: string | null;
  /** Since when. */
  readonly since: string;
  /** Its loss on the fixed set; null if there is none. */
  readonly fixed_set: FixedSetLoss | null;
  /** The checkpoint that it was trained from; null for the base. */
  readonly parent: string | null;
}

const liveModel = object<LiveModel>({
  checkpoint: text(),
  model: text(),
  run: text(),
  job_id: text(),
  dataset_sha256: text(),
  base: nullable(text()),
  since: text(),
  fixed_set: nullable(object({ dataset_sha256: text(), loss: number() })),
  parent: optional(nullable(text()), null),
});

/** Reads which model is live; `undefined` if none has been made yet. */
export async function readLiveModel(path: string): Promise<LiveModel | undefined> {
  return existsSync(path) ? decode(liveModel, await readJsonFile(path), path) : undefined;
}

/** Makes a model the live one. */
export async function writeLiveModel(path: string, model: LiveModel): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(model, null, 2)}\n`);
}
