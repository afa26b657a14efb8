/**
 * The model that a client names: one of the home, never a path.
 *
 * @module
 */

import { join } from "node:path";
import { ApiError } from "../../../inference/http/api_error.ts";
import { resolveModel } from "../../../models/stored/resolve_model.ts";
import { messageOf, UserError } from "../../../utils/errors.ts";
import type { JsonObject } from "../../../utils/json.ts";
import { baseOfCheckpoint, modelSettings } from "../run_plan.ts";
import type { ApiContext } from "./api_context.ts";

/** Names of presets, models of the home, runs and their checkpoints, and models on the hub. */
const NAME = /^[\w][\w.:@-]*(?:\/[\w][\w.:@-]*){0,2}$/;

/** Learning rates that a multiplier is of, where the home gives none: of new and of trained models. */
const LEARNING_RATES = { fresh: 1e-3, trained: 1e-4, adapter: 2e-4 } as const;

/** What a job trains on from. */
export interface JobModel {
  /** Settings that say so. */
  readonly settings: JsonObject;
  /** The learning rate that a multiplier is of. */
  readonly learningRate: number;
}

/**
 * Finds the model `name`.
 *
 * @throws {ApiError} If it is not there; it is not downloaded.
 */
export async function findJobModel(
  { models, readHome }: ApiContext,
  name: string,
): Promise<JobModel> {
  const refuse = (message: string, cause?: unknown) =>
    new ApiError(400, message, { param: "model", code: "model_not_found", cause });
  if (!NAME.test(name) || name.split("/").includes("..")) {
    throw refuse(`The model "${name}" does not exist; models are named, not given by a path`);
  }
  const home = await readHome();
  const isAdapter = typeof home["loraRank"] === "number";
  const rate = (fallback: number) =>
    typeof home["learningRate"] === "number" ? home["learningRate"] : fallback;
  try {
    const found = await resolveModel(name, { context: models, presetsFirst: true });
    if (found.kind === "preset") {
      return { settings: { model: found.id }, learningRate: rate(LEARNING_RATES.fresh) };
    }
    const base = found.kind === "run" || found.path.includes("checkpoint-")
      ? await baseOfCheckpoint(join(found.path, "..", ".."), found.path)
      : null;
    return {
      settings: modelSettings({ checkpoint: found.path, base }, name),
      learningRate: rate(
        isAdapter || base !== null ? LEARNING_RATES.adapter : LEARNING_RATES.trained,
      ),
    };
  } catch (error) {
    if (error instanceof UserError) {
      throw refuse(`The model "${name}" does not exist: ${messageOf(error)}`, error);
    }
    throw error;
  }
}
