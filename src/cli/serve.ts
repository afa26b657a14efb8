/**
 * `serve`: the OpenAI-compatible server.
 *
 * @module
 */

import type { Command } from "commander";
import type { LoadDefaults } from "../inference/hosting/model_spec.ts";
import type { AccessEntry } from "../inference/http/access_entry.ts";
import { serve, type ServeOptions } from "../inference/serve.ts";
import { SERVE_SETTINGS, type ServeSettings } from "../inference/serve_settings.ts";
import type { ModelInfo } from "../inference/service.ts";
import { homePaths, resolveHome } from "../utils/paths.ts";
import { resolveSettings, valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { watchHeap } from "../utils/heap_watch.ts";
import {
  addConfigOptions,
  type ConfigOptions,
  printSettings,
  warnOfSettings,
} from "./config_options.ts";
import { InterruptedError } from "./exit_status.ts";
import { workerProcesses } from "./inference_worker.ts";
import { untilStopped } from "./interrupt.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { findEmbedders, findModels } from "./serve_models.ts";
import { openServingMemory, requireSomething } from "./serving_memory.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { readConfig, readHome } from "./settings_layer.ts";
import { muteSignalAdvice } from "./signal_advice.ts";
import { print, printError } from "./terminal.ts";

/** The environment variable that holds the API key, so that it need not be seen on the command line. */
const API_KEY_VARIABLE = "LLM_TRAINING_API_KEY";

/** What the command line gives besides the settings. */
interface ServeCommandOptions extends ConfigOptions {
  readonly apiKey?: string;
  readonly insecureNoApiKey?: boolean;
  readonly json?: boolean;
}

const TABLE = anySettings(SERVE_SETTINGS);

/** Serves, until it is stopped; `describe` says what is served, where. */
export type StartServer = (
  options: ServeOptions,
  describe: (models: readonly ModelInfo[], url: string) => void,
) => Promise<void>;

/** Adds `serve` to `program`; `start` does what it says. */
export function registerServe(program: Command, start: StartServer = serveUntilStopped): void {
  const command = program.command("serve")
    .description(
      "Serve models with OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models. /openapi.json describes it, " +
        "/health says whether the model can answer. With a key of the role admin, /admin loads and removes models " +
        "and points aliases at them while requests run; a server without --model begins with what it was told before.",
    );
  addConfigOptions(addSettingFlags(command, TABLE))
    .option("--json", "print the settings of --print-config as JSON")
    .option("--api-key <key>", `the key that clients must send (default: $${API_KEY_VARIABLE})`)
    .option("--insecure-no-api-key", "let other machines use the model without a key")
    .action((options: ServeCommandOptions) => run(options, { command, start }));
  addExamples(command, [
    "llm-training serve --model runs/my-run",
    "llm-training serve --model my-model --host 0.0.0.0 --port 8080 --api-key $(openssl rand -hex 16)",
    "llm-training serve --model my-model --device wasm --threads 2 --max-queue 16",
    "llm-training serve --model my-model --embedding-model minilm=models/all-MiniLM-L6-v2",
    "llm-training serve --model my-model --adapter polite=runs/polite --adapter terse=runs/terse",
    "llm-training serve --model small=runs/small --model large=runs/large --max-memory 8192",
    "llm-training serve --host 0.0.0.0 --model-root /srv/models",
  ]);
}

async function run(
  options: ServeCommandOptions,
  { command, start }: { readonly command: Command; readonly start: StartServer },
): Promise<void> {
  muteSignalAdvice();
  const context = pathContext();
  const reader = { command: "serve", table: TABLE, context, onWarning: warnOfSettings };
  const settings = resolveSettings(TABLE, [
    await readHome(reader),
    await readConfig(options.config, reader),
    flagSettings(command, { table: TABLE, cwd: context.cwd, onWarning: warnOfSettings }),
  ]);
  if (options.printConfig) {
    return printSettings(settings, { table: TABLE, json: options.json ?? false });
  }
  const given = valuesOf(settings) as unknown as ServeSettings; // every value was decoded by its setting
  const home = homePaths(resolveHome(context).path);
  const { device, threads, weights, host, port, corsOrigin, maxMemory, defaultModel } = given;
  const defaults: LoadDefaults = {
    device,
    ...(threads === null ? {} : { threads }),
    weights,
    limits: {
      maxRunning: given.maxRunning,
      maxQueue: given.maxQueue,
      cacheBytes: given.cacheMemory * 2 ** 20,
      prefixBytes: given.prefixMemory * 2 ** 20,
      maxDrafts: given.speculate,
    },
  };
  const load = await findModels(given, { context, defaults });
  const embedders = await findEmbedders(given, { context, defaults });
  const apiKey = options.apiKey || Deno.env.get(API_KEY_VARIABLE) || undefined;
  await using memory = await openServingMemory(home, { hasApiKey: apiKey !== undefined });
  if (load.length + embedders.length === 0) await requireSomething(home);
  const isEmbedder = ({ id }: ModelInfo) => embedders.some((each) => each.id === id);
  await start({
    load,
    embedders,
    defaults,
    ...await workerProcesses(),
    host,
    port,
    modelRoot: given.modelRoot ?? home.models,
    store: memory.store,
    ...(maxMemory === null ? {} : { maxMemoryBytes: maxMemory * 2 ** 20 }),
    ...(defaultModel === null ? {} : { defaultName: defaultModel }),
    keysFile: home.keys,
    ...(given.accessLog ? { onAccess: (entry) => printError(accessLine(entry)) } : {}),
    ...(apiKey === undefined ? {} : { apiKey }),
    allowWithoutKey: options.insecureNoApiKey ?? false,
    corsOrigins: corsOrigin ?? [],
    onError: (error) => printError(describe(error)),
  }, (loaded, url) => {
    const models = loaded.filter((each) => !isEmbedder(each));
    print(`Serving ${servedWords(models)} at ${url}/v1`);
    for (const { id, device, deviceReason, weightType } of models) {
      const subject = models.length === 1 ? device : `${id} on ${device}`;
      printError(`${subject}: ${deviceReason}; weights: ${weightType}`);
    }
    for (const { id, device, embedding } of loaded.filter(isEmbedder)) {
      print(
        `Embedding with ${id} on ${device}: ${embedding?.size} numbers, pooling ${embedding?.pooling}`,
      );
    }
  });
}

const serveUntilStopped: StartServer = async (options, describe) => {
  await using server = await serve(options);
  using _heap = watchHeap();
  describe(server.models, server.url);
  const stoppedBy = await untilStopped();
  printError("Finishing what runs; Ctrl-C again ends at once");
  await server.shutdown();
  if (stoppedBy === "SIGINT") throw new InterruptedError();
};

/** A request in one line, without what it asked. */
function accessLine({ timeMs, method, path, status, durationMs, keyId }: AccessEntry): string {
  const time = new Date(timeMs).toISOString();
  return `${time} ${keyId ?? "-"} ${method} ${encodeURI(path)} ${status} ${
    Math.round(durationMs)
  } ms`;
}

function servedWords(models: readonly ModelInfo[]): string {
  const [only, ...others] = models;
  if (only === undefined) return "what admins load";
  return others.length === 0
    ? `${only.id} on ${only.device}`
    : models.map(({ id }) => id).join(", ");
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
