/**
 * What the daemon answers over HTTP.
 *
 * @module
 */

import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { ApiError, toApiError } from "../../../inference/http/api_error.ts";
import { UserError } from "../../../utils/errors.ts";
import { isDiskFull } from "../../../utils/file_error.ts";

/** A Web-standard request handler. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Options of {@linkcode createApp}. */
export interface AppOptions {
  /** Adds the routes. */
  readonly addRoutes: (app: Hono) => void;
  /** Is told of errors that are the daemon's fault. */
  readonly onError: (error: unknown) => void;
}

/** Builds a handler whose errors are worded as OpenAI words them. */
export function createApp({ addRoutes, onError }: AppOptions): Handler {
  const app = new Hono();
  addRoutes(app);
  app.notFound((c) => {
    throw new ApiError(404, `There is no ${c.req.method} ${c.req.path}`, { code: "unknown_url" });
  });
  app.onError((error, c) => {
    const answer = answerTo(error);
    if (answer.status === 500 && !c.req.raw.signal.aborted) onError(error);
    return answer.toResponse();
  });
  return (request) => app.fetch(request);
}

function answerTo(error: Error): ApiError {
  if (error instanceof HTTPException) {
    return new ApiError(error.status, "Cannot read the request's body", { cause: error });
  }
  if (isDiskFull(error)) {
    return new ApiError(507, error.message, { code: "insufficient_storage", cause: error });
  }
  if (error instanceof UserError) {
    return new ApiError(400, error.message, { code: "invalid_value", cause: error });
  }
  return toApiError(error);
}
