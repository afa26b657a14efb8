/**
 * A server with the toy model, and the official client that talks with it.
 *
 * @module
 */

import OpenAI from "openai";
import { createLocalService, type ServiceLimits } from "../../src/inference/local_service.ts";
import { createServer, type ServerOptions } from "../../src/inference/create_server.ts";
import { createToyModel, type ToyDecoder, type ToyModelOptions } from "./toy_model.ts";

/** A server that listens. */
export interface ToyServer extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** The official client. */
  readonly client: OpenAI;
  /** The toy model's decoder. */
  readonly decoder: ToyDecoder;
}

/** Options of {@linkcode startToyServer}. */
export interface ToyServerOptions {
  /** The model. */
  readonly model?: ToyModelOptions;
  /** The service. */
  readonly limits?: ServiceLimits;
  /** The server. */
  readonly server?: Omit<ServerOptions, "service">;
  /** The key the client sends. @default {"unused"} */
  readonly apiKey?: string;
}

/** Starts a server with the toy model on a free port. */
export function startToyServer(options: ToyServerOptions = {}): ToyServer {
  const model = createToyModel(options.model);
  const service = createLocalService(model, options.limits);
  const handler = createServer({ service, ...options.server });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: options.apiKey ?? "unused",
    maxRetries: 0,
  });
  return {
    url,
    client,
    decoder: model.decoder,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await service[Symbol.asyncDispose]();
    },
  };
}
