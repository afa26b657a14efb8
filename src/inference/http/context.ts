/**
 * What the routes share.
 *
 * @module
 */

import { loadedService, type ModelDirectory, type Resolution } from "../hosting/directory.ts";
import type { InferenceService } from "../service.ts";
import type { AnswerEntry } from "./answer_metrics.ts";
import { ApiError } from "./api_error.ts";

/** What the routes share. */
export interface RouteContext {
  /** Which models answer. */
  readonly models: ModelDirectory;
  /** Reads the time, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** When the server began, in seconds since the epoch. */
  readonly startedAt: number;
  /** Is told of errors that are the server's fault. */
  readonly onError: (error: unknown) => void;
  /** Is told of every request to a model when it has ended. */
  readonly onAnswer: (entry: AnswerEntry) => void;
}

/**
 * Returns what the name of a model, an adapter or an alias stands for.
 *
 * @throws {ApiError} If there is none of this name.
 */
export function requireModel(models: ModelDirectory, id: string | null | undefined): Resolution {
  const name = id ?? models.defaultName;
  const found = name === undefined ? undefined : models.resolve(name);
  if (found !== undefined) return found;
  if (id === null || id === undefined) {
    throw new ApiError(503, "This server has no model yet", { code: "unavailable" });
  }
  const names = models.listed().map(({ id }) => `"${id}"`).join(", ");
  throw new ApiError(
    404,
    `The model "${id}" does not exist; this server has ${names === "" ? "none" : names}`,
    { param: "model", code: "model_not_found" },
  );
}

/** Returns the service of the model that answers where none is named, if it is loaded. */
export function defaultService({ models }: RouteContext): InferenceService | undefined {
  return loadedService(models, models.defaultName);
}
