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
import { givenModels, type ModelDirectory } from "./hosting/directory.ts";
import { ModelHost } from "./hosting/model_host.ts";
import { createAccess } from "./http/access.ts";
import type { AccessEntry } from "./http/access_entry.ts";
import { addAdminAliasRoutes } from "./http/admin_aliases.ts";
import { addAdminModelRoutes } from "./http/admin_models.ts";
import { addAdminPullRoutes } from "./http/admin_pulls.ts";
import { ApiError, faultOf, toApiError } from "./http/api_error.ts";
import { addChatCompletionRoute } from "./http/chat_completions.ts";
import { addCompletionRoute } from "./http/completions.ts";
import { addEmbeddingRoute } from "./http/embeddings.ts";
import { requireHost, requireJson } from "./http/guards.ts";
import { documentationPage, PAGE_HEADERS } from "./http/documentation_page.ts";
import { createMetrics } from "./http/metrics.ts";
import { addModelRoutes } from "./http/models.ts";
import { addResponseRoute } from "./http/response_route.ts";
import { addTokenRoutes } from "./http/tokens.ts";
import { validationError } from "./http/validation.ts";
import { joinedKeys, type KeyRing, singleKey } from "./keys/key_ring.ts";
import type { InferenceService } from "./service.ts";

/** A Web-standard request handler, ready for `Deno.serve`. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Options of {@linkcode createServer}. */
export interface ServerOptions {
  /** The model that answers requests; it remains its owner's to dispose of. @default {those of `models`} */
  readonly service?: InferenceService;
  /** Models that are there for embeddings, besides `service`; they remain their owner's to dispose of. @default {none} */
  readonly embedders?: readonly InferenceService[];
  /** Which models answer requests; they remain their owner's. @default {`service` and `embedders`} */
  readonly models?: ModelDirectory;
  /** A key that clients must send, with the role `read`. @default {none is needed} */
  readonly apiKey?: string;
  /** The keys of clients, one of which they must send. @default {none is needed} */
  readonly keys?: KeyRing;
  /** Is told of every request when its answer begins; prompts and texts are no part of it. @default {nobody} */
  readonly onAccess?: (entry: AccessEntry) => void;
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
  const { corsOrigins = [], hosts, clock = Date.now, onError = () => {} } = options;
  const models = directoryOf(options);
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw validationError(result.error);
    },
  });
  const keys = keyRing(options);
  const access = createAccess({ keys, clock });
  const metrics = createMetrics();
  if (hosts !== undefined) app.use(requireHost(hosts));
  if (corsOrigins.length > 0) app.use(cors({ origin: [...corsOrigins] }));
  for (const path of ["/v1/*", ...TOKEN_PATHS, "/metrics"]) app.use(path, access.require("read"));
  app.use("/admin/*", access.require("admin"));
  const posted = new Set<string>();
  for (const path of ["/v1/*", ...TOKEN_PATHS, "/admin/*"]) {
    app.use(path, requireJson({ paths: posted }));
    app.use(path, limitBody(options.maxBodyBytes ?? 16 * 2 ** 20));
  }

  const context = {
    models,
    clock,
    startedAt: Math.floor(clock() / 1000),
    onError,
    onAnswer: metrics.observeAnswer,
  };
  addModelRoutes(app, context);
  addCompletionRoute(app, context);
  addChatCompletionRoute(app, context);
  addResponseRoute(app, context);
  addEmbeddingRoute(app, context);
  addTokenRoutes(app, context);
  metrics.addRoute(app, models);
  if (models instanceof ModelHost) {
    addAdminModelRoutes(app, models);
    addAdminAliasRoutes(app, models);
    addAdminPullRoutes(app, models.pulls);
  }
  for (const { method, path } of app.routes) if (method === "POST") posted.add(path);
  addDescription(app);
  refuseOtherMethods(app);

  app.notFound((c) => {
    throw new ApiError(404, `There is no ${c.req.method} ${c.req.path}; see /openapi.json`, {
      code: "unknown_url",
    });
  });
  app.onError((error, c) => {
    const answer = fromHono(error) ?? toApiError(error);
    const fault = faultOf(error);
    // Of a body that was read, the request is another one, which does not hear it.
    const hasLeft = c.req.raw.signal.aborted ||
      fault instanceof DOMException && fault.name === "AbortError";
    if (answer.status === 500 && !hasLeft) onError(fault);
    return answer.toResponse();
  });
  return async (request) => {
    const timeMs = clock();
    const response = await app.fetch(request);
    const entry = {
      timeMs,
      method: request.method,
      path: new URL(request.url).pathname,
      status: response.status,
      durationMs: clock() - timeMs,
      keyId: access.keyIdOf(request),
    };
    metrics.observe(entry);
    options.onAccess?.(entry);
    return response;
  };
}

/** @throws {TypeError} If there is nothing that answers. */
function directoryOf({ service, embedders = [], models }: ServerOptions): ModelDirectory {
  if (models !== undefined) return models;
  if (service !== undefined) return givenModels([service, ...embedders]);
  throw new TypeError('Cannot create a server: give it "service" or "models"');
}

const TOKEN_PATHS = ["/tokenize", "/detokenize", "/apply-template"];

function keyRing({ apiKey, keys }: ServerOptions): KeyRing | undefined {
  const rings = [
    ...(apiKey === undefined ? [] : [singleKey(apiKey, { role: "read" })]),
    ...(keys === undefined ? [] : [keys]),
  ];
  return rings.length === 0 ? undefined : joinedKeys(rings);
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
  const info = {
    openapi: "3.1.0",
    info: {
      title: "llm-training",
      version: denoConfig.version,
      description: "OpenAI-compatible inference",
    },
    security: [{ Bearer: [] }, {}],
  };
  app.doc31("/openapi.json", info);
  app.get(
    "/docs",
    (c) => c.html(documentationPage(app.getOpenAPI31Document(info)), 200, PAGE_HEADERS),
  );
}

/** Hono's own errors: a body that is not JSON. */
function fromHono(error: Error): ApiError | undefined {
  if (!(error instanceof HTTPException)) return undefined;
  return new ApiError(error.status, "Cannot read the request's body: it is not JSON", {
    code: "invalid_json",
    cause: error,
  });
}
