/**
 * The end of a run that has done all its steps: whether its model becomes the live one, and what is written down.
 *
 * @module
 */

import type { Job } from "../../management/job_queue/job.ts";
import { join } from "node:path";
import { TRAINER_STATE_FILE } from "../../models/checkpoint/save.ts";
import { parseTrainerState } from "../../models/checkpoint/trainer_state.ts";
import { type JsonObject, readJsonFile } from "../../utils/json.ts";
import type { DaemonContext } from "./context.ts";
import { noteLineage } from "./dataset_store.ts";
import { keptLoss, type ModelVerdict } from "./evaluate_job.ts";
import type { TrainPayload } from "./job_payload.ts";
import { type LiveModel, readLiveModel, writeLiveModel } from "./live_model.ts";
import type { LogLevel } from "./log.ts";
import { baseOfCheckpoint, type RunPlan } from "./run_plan.ts";
import type { TrainProgress } from "./train_progress.ts";

/** What can become of a model. */
export const OUTCOMES = ["published", "rolled_back", "diverged", "kept"] as const;

/** What became of a model. */
export type Outcome = (typeof OUTCOMES)[number];

/** A run that has done all its steps. */
export interface FinishedRun {
  /** Its job. */
  readonly job: Job;
  /** What the job is about. */
  readonly payload: TrainPayload;
  /** The run. */
  readonly plan: RunPlan;
  /** The checkpoint that counts. */
  readonly checkpoint: string;
  /** What is said of the model. */
  readonly verdict: ModelVerdict;
  /** Where the run stands. */
  readonly progress: TrainProgress;
}

/** What became of a run. */
export interface Published {
  /** In words. */
  readonly message: string;
  /** How bad it is. */
  readonly level: Exclude<LogLevel, "error">;
  /** In names and numbers: the result of the job. */
  readonly result: JsonObject;
}

/** Makes the model of a run the live one, unless something is against it, and notes what the data did. */
export async function publish(context: DaemonContext, finished: FinishedRun): Promise<Published> {
  const { paths, persist, clock } = context;
  const { job, payload, plan, checkpoint, verdict, progress } = finished;
  const live = await readLiveModel(paths.live);
  const outcome = outcomeOf(finished, live);
  const at = new Date(clock()).toISOString();
  const base = await baseOfCheckpoint(plan.folder, checkpoint);
  if (outcome === "published" && live?.job_id !== job.id) {
    await persist(() =>
      writeLiveModel(paths.live, {
        checkpoint,
        model: plan.origin.model,
        run: plan.folder,
        job_id: job.id,
        dataset_sha256: payload.dataset_sha256,
        base,
        since: at,
        fixed_set: keptLoss(verdict.fixedSet),
        parent: plan.origin.parent,
      })
    );
  }
  const result = {
    job_id: job.id,
    run: plan.folder,
    checkpoint,
    base,
    parent: plan.origin.parent,
    model: plan.origin.model,
    step: progress.step,
    loss: progress.loss,
    trained_tokens: await trainedTokens(checkpoint),
    fixed_set: verdict.fixedSet,
    outcome,
    refusal: verdict.refusal,
  };
  const { dataset_sha256: sha256 } = payload;
  await persist(() => noteLineage(paths.data, { sha256, effect: { ...result, at } }));
  return {
    message: WORDS[outcome](verdict.refusal),
    level: outcome === "published" || outcome === "kept" ? "info" : "warn",
    result,
  };
}

async function trainedTokens(checkpoint: string): Promise<number> {
  const path = join(checkpoint, TRAINER_STATE_FILE);
  return parseTrainerState(await readJsonFile(path), path).trainedTokensSeen;
}

function outcomeOf(
  { job, payload, plan, verdict }: FinishedRun,
  live: LiveModel | undefined,
): Outcome {
  if (live?.job_id === job.id) return "published"; // by an attempt that died then
  if (!payload.publish) return "kept";
  if (verdict.refusal !== null) return "rolled_back";
  const { parent } = plan.origin;
  // a run that was paused meanwhile must not undo what others have trained
  return parent === null || live === undefined || live.checkpoint === parent
    ? "published"
    : "diverged";
}

const WORDS: Readonly<Record<Outcome, (refusal: string | null) => string>> = {
  published: () => "The model is live now",
  rolled_back: (refusal) => `The model before stays live: ${refusal}`,
  diverged: () => "The model does not become live: another one has become so since the run began",
  kept: () => "The model is kept",
};
