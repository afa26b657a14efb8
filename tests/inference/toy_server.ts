/**
 * A server with the toy model, and the official client that talks with it.
 *
 * @module
 */

import OpenAI from "openai";
import { createLocalService, type ServiceLimits } from "../../src/inference/local_service.ts";
import { createServer, type ServerOptions } from "../../src/inference/create_server.ts";
import { type ModelDirectory, singleModel } from "../../src/inference/hosting/directory.ts";
import type { InferenceService } from "../../src/inference/service.ts";
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
  readonly server?: Omit<ServerOptions, "service" | "models">;
  /** Models besides; they remain their owner's to dispose of. @default {[]} */
  readonly others?: readonly InferenceService[];
  /** The key the client sends. @default {"unused"} */
  readonly apiKey?: string;
}

/** Starts a server with the toy model on a free port. */
export function startToyServer(options: ToyServerOptions = {}): ToyServer {
  const model = createToyModel(options.model);
  const service = createLocalService(model, options.limits);
  const handler = createServer({
    models: severalModels([service, ...options.others ?? []]),
    ...options.server,
  });
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

/** Returns a directory of models of which the first answers requests that name none. */
function severalModels(services: readonly InferenceService[]): ModelDirectory {
  const each = services.map(singleModel);
  const of = (name: string) => each.find((one) => one.resolve(name) !== undefined);
  return {
    defaultName: each[0]!.defaultName,
    listed: () => each.flatMap((one) => one.listed()),
    counted: () => each.flatMap((one) => one.counted()),
    aliases: () => [],
    resolve: (name) => of(name)?.resolve(name),
    use: (model) => of(model)!.use(model),
  };
}
