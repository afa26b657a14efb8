/**
 * `serve`: the OpenAI-compatible server.
 *
 * @module
 */

import type { Command } from "commander";
import type { NamedAdapter } from "../inference/generation/load_adapters.ts";
import type { AccessEntry } from "../inference/http/access_entry.ts";
import { serve } from "../inference/serve.ts";
import { SERVE_SETTINGS, type ServeSettings } from "../inference/serve_settings.ts";
import { UserError } from "../utils/errors.ts";
import { homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import { type GivenSettings, resolveSettings, valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import {
  addConfigOptions,
  type ConfigOptions,
  printSettings,
  warnOfSettings,
} from "./config_options.ts";
import { InterruptedError } from "./exit_status.ts";
import { workerStarter } from "./inference_worker.ts";
import { untilStopped } from "./interrupt.ts";
import { findAdapter, findModelAndAdapter, pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
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

/** Adds `serve` to `program`. */
export function registerServe(program: Command): void {
  const command = program.command("serve")
    .description(
      "Serve a model with OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models. " +
        "/openapi.json describes it, /health says whether the model can answer.",
    );
  addConfigOptions(addSettingFlags(command, TABLE))
    .option("--json", "print the settings of --print-config as JSON")
    .option("--api-key <key>", `the key that clients must send (default: $${API_KEY_VARIABLE})`)
    .option("--insecure-no-api-key", "let other machines use the model without a key")
    .action((options: ServeCommandOptions) => run(options, command));
  addExamples(command, [
    "llm-training serve --model runs/my-run",
    "llm-training serve --model my-model --host 0.0.0.0 --port 8080 --api-key $(openssl rand -hex 16)",
    "llm-training serve --model my-model --device wasm --threads 2 --max-queue 16",
    "llm-training serve --model my-model --adapter polite=runs/polite --adapter terse=runs/terse",
  ]);
}

async function run(options: ServeCommandOptions, command: Command): Promise<void> {
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
  const given = serveSettings(settings);
  const { model, device, threads, weights, name, host, port, corsOrigin } = given;
  const { alone, named } = await findAdapters(given.adapter ?? [], context);
  const place = await findModelAndAdapter(
    { model, ...(alone === undefined ? {} : { adapter: alone }) },
    { context },
  );
  const createWorker = await workerStarter();
  const apiKey = options.apiKey ?? Deno.env.get(API_KEY_VARIABLE);
  await using server = await serve({
    load: {
      folder: place.folder,
      adapter: place.adapter,
      id: name ?? place.id,
      device,
      ...(threads === null ? {} : { threads }),
      weights,
      adapters: named,
      limits: {
        maxRunning: given.maxRunning,
        maxQueue: given.maxQueue,
        cacheBytes: given.cacheMemory * 2 ** 20,
        prefixBytes: given.prefixMemory * 2 ** 20,
        maxDrafts: given.speculate,
      },
    },
    ...(createWorker === undefined ? {} : { createWorker }),
    host,
    port,
    keysFile: homePaths(resolveHome(context).path).keys,
    ...(given.accessLog ? { onAccess: (entry) => printError(accessLine(entry)) } : {}),
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
    allowWithoutKey: options.insecureNoApiKey ?? false,
    corsOrigins: corsOrigin ?? [],
    onError: (error) => printError(describe(error)),
  });
  const { id, device: chosen, deviceReason, weightType } = server.model;
  print(`Serving ${id} on ${chosen} at ${server.url}/v1`);
  printError(`${chosen}: ${deviceReason}; weights: ${weightType}`);
  const stoppedBy = await untilStopped();
  printError("Finishing what runs; Ctrl-C again ends at once");
  await server.shutdown();
  if (stoppedBy === "SIGINT") throw new InterruptedError();
}

/** A request in one line, without what it asked. */
function accessLine({ timeMs, method, path, status, durationMs, keyId }: AccessEntry): string {
  const time = new Date(timeMs).toISOString();
  return `${time} ${keyId ?? "-"} ${method} ${encodeURI(path)} ${status} ${
    Math.round(durationMs)
  } ms`;
}

/** @throws {UserError} If no model is named. */
function serveSettings(settings: GivenSettings): ServeSettings {
  if (settings["model"]?.value === undefined) {
    throw new UserError(
      "Cannot serve without a model: give --model <model>, a folder, a run or a model on the hub (owner/name)",
    );
  }
  return valuesOf(settings) as unknown as ServeSettings; // every value was decoded by its setting
}

/** An adapter with a name. */
const NAMED = /^(?<name>[\w.:-]+)=(?<place>.+)$/;

/** The adapters that were named: one without a name, which changes the model for all, or several with names. */
async function findAdapters(
  adapters: readonly string[],
  context: PathContext,
): Promise<{ readonly alone: string | undefined; readonly named: readonly NamedAdapter[] }> {
  const unnamed = adapters.filter((given) => !NAMED.test(given));
  if (unnamed.length > 0 && adapters.length > 1) {
    throw new UserError(
      `Cannot use --adapter "${
        unnamed[0]
      }" beside others: give each a name, as in --adapter polite=${unnamed[0]}`,
    );
  }
  const named: NamedAdapter[] = [];
  for (const given of adapters) {
    const { name, place } = NAMED.exec(given)?.groups ?? {};
    if (name === undefined || place === undefined) continue;
    named.push({ name, folder: await findAdapter(place, { context }) });
  }
  return { alone: unnamed[0], named };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
