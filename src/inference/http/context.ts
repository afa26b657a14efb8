/**
 * What the routes share.
 *
 * @module
 */

import type { Completion, CompletionRequest, InferenceService } from "../service.ts";
import { ApiError, toApiError } from "./api_error.ts";

/** What the routes share. */
export interface RouteContext {
  /** Answers requests. */
  readonly service: InferenceService;
  /** Models that are there for embeddings, besides. */
  readonly embedders: readonly InferenceService[];
  /** Reads the time, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** When the server began, in seconds since the epoch. */
  readonly startedAt: number;
  /** Is told of errors that are the server's fault. */
  readonly onError: (error: unknown) => void;
}

/** An accepted request and the switch that calls it off. */
export interface Accepted {
  /** What is generated. */
  readonly completion: Completion;
  /** Calls it off. */
  readonly cancel: () => void;
}

/** Options of {@linkcode accept}. */
export interface AcceptOptions {
  /** The field that names the prompt in errors. */
  readonly promptField: string;
  /** The model that was asked for. */
  readonly model: string;
  /** Fires when the client leaves. */
  readonly signal: AbortSignal;
}

/**
 * Hands a request to the service.
 *
 * @throws {ApiError} If the model is another one or the request cannot be accepted.
 */
export async function accept(
  context: RouteContext,
  request: CompletionRequest,
  options: AcceptOptions,
): Promise<Accepted> {
  const { service, adapter } = findService(context, options.model);
  const controller = new AbortController();
  const signal = AbortSignal.any([options.signal, controller.signal]);
  try {
    const completion = await service.submit(
      { ...request, ...(adapter === undefined ? {} : { adapter }) },
      { signal },
    );
    return { completion, cancel: () => controller.abort() };
  } catch (error) {
    if (signal.aborted) throw error;
    throw toApiError(error, options);
  }
}

/**
 * Returns the service of the model or adapter `id`, and the adapter.
 *
 * @throws {ApiError} If there is none.
 */
export function findService(
  { service, embedders }: RouteContext,
  id: string,
): { readonly service: InferenceService; readonly adapter: string | undefined } {
  const embedder = embedders.find(({ model }) => model.id === id || model.adapters.includes(id));
  return { service: embedder ?? service, adapter: requireModel(embedder ?? service, id) };
}

/**
 * Checks that `id` is the model that is served or one of its adapters, and returns which adapter.
 *
 * @throws {ApiError} If it is not.
 */
export function requireModel({ model }: InferenceService, id: string): string | undefined {
  if (id === model.id) return undefined;
  if (model.adapters.includes(id)) return id;
  const names = [model.id, ...model.adapters].map((name) => `"${name}"`).join(", ");
  throw new ApiError(404, `The model "${id}" does not exist; this server has ${names}`, {
    param: "model",
    code: "model_not_found",
  });
}
