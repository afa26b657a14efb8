/**
 * What a job's run is made of: which model it trains on from, and its settings.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { isAdapterFolder } from "../../models/adapters/folder.ts";
import { listCheckpoints } from "../../models/checkpoint/list.ts";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { decode, type JsonObject, nullable, object, readJsonFile, text } from "../../utils/json.ts";
import { anySettings } from "../../utils/settings/setting.ts";
import { RUN_CONFIG_FILE } from "../training/run_folder.ts";
import { NEW_ADAPTER_SETTINGS, TRAINING_SETTINGS } from "../training/settings.ts";
import { datasetPath } from "./dataset_store.ts";
import { runName, type TrainPayload } from "./job_payload.ts";
import { type LiveModel, readLiveModel } from "./live_model.ts";
import type { HomePaths } from "../../utils/paths.ts";
import type { TrainingPolicy } from "./settings.ts";

/** Settings of a run that its job gives, before those of the home. */
const SETTINGS_FILE = "settings.json";

/** What a run was planned from; it stays the same when the run goes on. */
const ORIGIN_FILE = "origin.json";

/** Settings of daemon runs where the home says nothing: a crash then costs little. */
const RUN_DEFAULTS: JsonObject = { saveSteps: 100, keepCheckpoints: 2 };

/** What a run trains on from. */
export interface RunOrigin {
  /** The job. */
  readonly job_id: string;
  /** The model, by the name that the settings have for it, or its checkpoint. */
  readonly model: string;
  /** The checkpoint of the live model that it trains on from; null trains on from the base. */
  readonly parent: string | null;
}

const origin = object<RunOrigin>({ job_id: text(), model: text(), parent: nullable(text()) });

/** A run of a job. */
export interface RunPlan {
  /** Its folder. */
  readonly folder: string;
  /** What it trains on from. */
  readonly origin: RunOrigin;
  /** Arguments by which a trainer starts or continues it. */
  readonly args: readonly string[];
  /** Steps of its newest checkpoint. */
  readonly step: number;
}

/** Options of {@linkcode planRun}. */
export interface PlanRunOptions {
  /** Where things lie. */
  readonly paths: HomePaths;
  /** What the job is about. */
  readonly payload: TrainPayload;
  /** The job. */
  readonly jobId: string;
  /** What a file trains on from unless its job says otherwise. */
  readonly policy: TrainingPolicy;
  /** The settings of runs that the home gives. */
  readonly home: JsonObject;
}

/**
 * Plans the run of a job: the one that was begun before goes on, another begins.
 *
 * @throws {UserError} If no model is given.
 */
export async function planRun(options: PlanRunOptions): Promise<RunPlan> {
  const { paths, payload, jobId } = options;
  const folder = join(paths.runs, runName(payload, jobId));
  const train = ["train", "--supervised", "--output", folder];
  const checkpoints = await listCheckpoints(folder);
  const originPath = join(folder, ORIGIN_FILE);
  if (checkpoints.length > 0 && existsSync(originPath)) {
    const known = decode(origin, await readJsonFile(originPath), originPath);
    return { folder, origin: known, args: [...train, "--resume"], step: checkpoints.at(-1)!.step };
  }
  const planned = await originOf(options);
  const settings: JsonObject = {
    ...Object.fromEntries(Object.entries(RUN_DEFAULTS).filter(([key]) => !(key in options.home))),
    ...payload.settings,
    ...modelSettings(planned.live, planned.origin.model),
    dataset: datasetPath(paths.data, { sha256: payload.dataset_sha256, name: payload.name }),
    output: folder,
  };
  await Deno.mkdir(folder, { recursive: true });
  await removeIfThere(join(folder, RUN_CONFIG_FILE)); // of an attempt that came to nothing
  const settingsPath = join(folder, SETTINGS_FILE);
  await writeFileAtomic(settingsPath, `${JSON.stringify(settings, null, 2)}\n`);
  await writeFileAtomic(originPath, `${JSON.stringify(planned.origin, null, 2)}\n`);
  return { folder, origin: planned.origin, args: [...train, "--config", settingsPath], step: 0 };
}

/** A model by its folder, and the model that it is an adapter for. */
export interface ModelPlace {
  /** The checkpoint. */
  readonly checkpoint: string;
  /** The model that an adapter is for; null if it is a whole model. */
  readonly base: string | null;
}

/** Returns the settings by which a run trains on from a model that was trained, or from the model `name`. */
export function modelSettings(place: ModelPlace | undefined, name: string): JsonObject {
  if (place === undefined) return { model: name };
  const { checkpoint, base } = place;
  if (base === null) return { model: checkpoint };
  // an adapter brings what these say of a new one
  const table = anySettings(TRAINING_SETTINGS);
  const unset = NEW_ADAPTER_SETTINGS.map((key) => [key, table[key]!.default] as const);
  return { ...Object.fromEntries(unset), model: base, adapter: checkpoint };
}

/** Returns the model that a checkpoint of a run is an adapter for; null if it is a whole model. */
export async function baseOfCheckpoint(folder: string, checkpoint: string): Promise<string | null> {
  if (!isAdapterFolder(checkpoint)) return null;
  const path = join(folder, RUN_CONFIG_FILE);
  const json = await readJsonFile(path) as JsonObject;
  return decode(text(), json["model"], path);
}

async function originOf(
  { paths, payload, jobId, policy, home }: PlanRunOptions,
): Promise<{ readonly origin: RunOrigin; readonly live: LiveModel | undefined }> {
  const model = payload.settings["model"] ?? home["model"];
  if (typeof model !== "string") {
    throw new UserError(
      `Cannot train: no model is given; put "model" into "${paths.settings}", or give daemon --model`,
    );
  }
  // a model that was named for this file is meant
  const wantsLive = payload.settings["model"] === undefined &&
    (payload.policy ?? policy) === "live";
  const current = wantsLive ? await readLiveModel(paths.live) : undefined;
  const live = current?.model === model ? current : undefined; // another base begins anew
  if (live !== undefined && !existsSync(live.checkpoint)) {
    throw new UserError(
      `Cannot train on from the live model: "${live.checkpoint}" is gone; put it back, or remove "${paths.live}" ` +
        "to begin with the base again",
    );
  }
  return { origin: { job_id: jobId, model, parent: live?.checkpoint ?? null }, live };
}
