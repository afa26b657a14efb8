/**
 * The OpenAI-compatible server as a function of requests.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import denoConfig from "../../deno.json" with { type: "json" };
import { ApiError, toApiError } from "./http/api_error.ts";
import { addChatCompletionRoute } from "./http/chat_completions.ts";
import { addCompletionRoute } from "./http/completions.ts";
import { requireApiKey, requireHost, requireJson } from "./http/guards.ts";
import { addModelRoutes } from "./http/models.ts";
import { validationError } from "./http/validation.ts";
import type { InferenceService } from "./service.ts";

/** A Web-standard request handler, ready for `Deno.serve`. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Options of {@linkcode createServer}. */
export interface ServerOptions {
  /** Answers requests; it remains its owner's to dispose of. */
  readonly service: InferenceService;
  /** The key that clients of `/v1` must send. @default {none is needed} */
  readonly apiKey?: string;
  /** The web pages that may call the server, by origin. @default {none} */
  readonly corsOrigins?: readonly string[];
  /** The names by which the server may be called. @default {any} */
  readonly hosts?: readonly string[];
  /** The largest body of a request. @default {16 MiB} */
  readonly maxBodyBytes?: number;
  /** Reads the time, in milliseconds since the epoch. @default {Date.now} */
  readonly clock?: () => number;
  /** Is told of errors that are the server's fault. @default {nobody} */
  readonly onError?: (error: unknown) => void;
}

/** Builds the handler; nothing listens until it is given to `Deno.serve`. */
export function createServer(options: ServerOptions): Handler {
  const { service, apiKey, corsOrigins = [], hosts, clock = Date.now, onError = () => {} } =
    options;
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw validationError(result.error);
    },
  });
  if (hosts !== undefined) app.use(requireHost(hosts));
  if (corsOrigins.length > 0) app.use(cors({ origin: [...corsOrigins] }));
  if (apiKey !== undefined) app.use("/v1/*", requireApiKey(apiKey));
  for (const path of ["/v1/completions", "/v1/chat/completions"]) app.use(path, requireJson());
  app.use("/v1/*", limitBody(options.maxBodyBytes ?? 16 * 2 ** 20));

  const context = { service, clock, startedAt: Math.floor(clock() / 1000), onError };
  addModelRoutes(app, context);
  addCompletionRoute(app, context);
  addChatCompletionRoute(app, context);
  addDescription(app);
  refuseOtherMethods(app);

  app.notFound((c) => {
    throw new ApiError(404, `There is no ${c.req.method} ${c.req.path}; see /openapi.json`, {
      code: "unknown_url",
    });
  });
  app.onError((error, c) => {
    const answer = fromHono(error) ?? toApiError(error);
    if (answer.status === 500 && !c.req.raw.signal.aborted) onError(error);
    return answer.toResponse();
  });
  return (request) => app.fetch(request);
}

function limitBody(maxSize: number): ReturnType<typeof bodyLimit> {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new ApiError(413, `The request's body is larger than ${maxSize} bytes`, {
        code: "request_too_large",
      });
    },
  });
}

/** Answers 405 where a path is known but not with the method. */
function refuseOtherMethods(app: OpenAPIHono): void {
  const methods = Map.groupBy(
    app.routes.filter(({ method }) => method !== "ALL"),
    ({ path }) => path,
  );
  for (const [path, routes] of methods) {
    const allow = [...new Set(routes.map(({ method }) => method))].join(", ");
    app.all(path, (c) => {
      throw new ApiError(405, `${c.req.path} takes ${allow}, not ${c.req.method}`, {
        code: "method_not_allowed",
        headers: { allow },
      });
    });
  }
}

function addDescription(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "Bearer", {
    type: "http",
    scheme: "bearer",
  });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "llm-training",
      version: denoConfig.version,
      description: "OpenAI-compatible inference with one model",
    },
    security: [{ Bearer: [] }, {}],
  });
}

/** Hono's own errors: a body that is not JSON. */
function fromHono(error: Error): ApiError | undefined {
  if (!(error instanceof HTTPException)) return undefined;
  return new ApiError(error.status, "Cannot read the request's body: it is not JSON", {
    code: "invalid_json",
    cause: error,
  });
}
