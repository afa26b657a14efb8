/**
 * `daemon`: trains on what comes into the inbox; `daemon status` and `daemon install`.
 *
 * @module
 */

import type { Command } from "commander";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type DaemonSettings, type LogEntry, runDaemon } from "../core/training_daemon.ts";
import { DAEMON_SETTINGS } from "../core/daemon/settings.ts";
import { RETENTION_SETTINGS } from "../management/retention/settings.ts";
import { DEPLOYMENT_SETTINGS } from "../monitoring/deployment/settings.ts";
import type { RetentionSettings } from "../management/retention_manager.ts";
import { findPreset } from "../models/presets.ts";
import type { JsonObject } from "../utils/json.ts";
import { resolveSettings, valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import {
  addConfigOptions,
  type ConfigOptions,
  printSettings,
  warnOfSettings,
} from "./config_options.ts";
import { openHomeBackups } from "./backup_options.ts";
import { registerInstall } from "./daemon_install.ts";
import { registerDaemonStatus } from "./daemon_status.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { homeRunSettings } from "./home_run_settings.ts";
import { interruptible } from "./interrupt.ts";
import { ownProgram } from "./own_program.ts";
import { addExamples } from "./program.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { readConfig, readHome } from "./settings_layer.ts";
import { muteSignalAdvice } from "./signal_advice.ts";
import { print, printError } from "./terminal.ts";

/** The environment variable that holds the API key, so that it need not be seen on the command line. */
const API_KEY_VARIABLE = "LLM_TRAINING_API_KEY";

/** What the command line gives besides the settings. */
interface DaemonCommandOptions extends HomeOption, ConfigOptions {
  readonly model?: string;
  readonly apiKey?: string;
  readonly insecureNoApiKey?: boolean;
  readonly json?: boolean;
}

const SETTINGS = anySettings(DAEMON_SETTINGS);

/** Adds `daemon` and its commands to `program`. */
export function registerDaemon(program: Command): void {
  const command = program.command("daemon")
    .description(
      "Take JSON Lines files from the home's inbox and train on one after the other, each on from the model that " +
        "the one before made. Runs until it is stopped, and goes on where it was.",
    );
  addHomeOption(command)
    .option(
      "--model <model>",
      'the model that all begins with (default: "model" in llm-training.json)',
    );
  addConfigOptions(addSettingFlags(command, SETTINGS))
    .option(
      "--api-key <key>",
      `the key that clients of the API must send (default: $${API_KEY_VARIABLE})`,
    )
    .option("--insecure-no-api-key", "let other machines use the API without a key")
    .option("--json", "print the log as JSON")
    .action((options: DaemonCommandOptions) => run(options, command));
  addExamples(command, [
    "llm-training daemon --model 5m",
    "llm-training daemon --home /data/llm --fixed-set held-out.jsonl --port 8770",
    "llm-training daemon status --json",
    "llm-training daemon install --user",
  ]);
  registerDaemonStatus(command);
  registerInstall(command);
}

async function run(options: DaemonCommandOptions, command: Command): Promise<void> {
  muteSignalAdvice();
  const place = findHome(options);
  const reader = {
    command: "daemon",
    table: SETTINGS,
    context: place.context,
    onWarning: warnOfSettings,
  };
  const flags = flagSettings(command, { ...reader, cwd: place.context.cwd });
  const layers = [await readHome(reader), await readConfig(options.config, reader), flags];
  const given = resolveSettings(SETTINGS, layers);
  if (options.printConfig) {
    return printSettings(given, { table: SETTINGS, json: options.json ?? false });
  }
  const home = async (): Promise<JsonObject> => ({
    ...await homeRunSettings(place),
    ...(options.model === undefined ? {} : { model: modelOf(options.model, place) }),
  });
  await homeRunSettings(place); // refuses what cannot be before anything runs
  const upkeep = {
    retention: await readRetention(place),
    backups: await openHomeBackups(place),
  };
  const apiKey = options.apiKey ?? Deno.env.get(API_KEY_VARIABLE);
  const deploy = await readAuto(place);
  await interruptible((signal) =>
    runDaemon({
      home: place.home,
      settings: valuesOf(given) as unknown as DaemonSettings, // every value was decoded by its setting
      program: ownProgram(),
      readHome: home,
      env: place.context.env,
      upkeep,
      deploy,
      signal,
      apiKey: apiKey === "" ? undefined : apiKey,
      allowWithoutKey: options.insecureNoApiKey ?? false,
      onLog: (entry) => printError(options.json ? JSON.stringify(entry) : shown(entry)),
      onReady: ({ url, api_url }) => {
        print(`The daemon of ${place.home} takes commands at ${url}`);
        if (api_url !== null) print(`It serves the API of fine-tuning at ${api_url}/v1`);
      },
    })
  );
}

/** Reads which checkpoints stay; what is odd in the file was told when the daemon's own settings were read. */
async function readRetention({ context }: HomePlace): Promise<RetentionSettings> {
  const table = anySettings(RETENTION_SETTINGS);
  const reader = { command: "retention", table, context, onWarning: () => {} };
  const settings = resolveSettings(table, [await readHome(reader)]);
  return valuesOf(settings) as unknown as RetentionSettings; // every value was decoded by its setting
}

/** Reads whether what becomes live is deployed. */
async function readAuto({ context }: HomePlace): Promise<boolean> {
  const table = anySettings(DEPLOYMENT_SETTINGS);
  const reader = { command: "deployment", table, context, onWarning: () => {} };
  return resolveSettings(table, [await readHome(reader)])["auto"]?.value === true;
}

/** A folder is meant from here, whatever folder trainers run in; anything else is a name. */
function modelOf(name: string, { context }: HomePlace): string {
  const path = resolve(context.cwd, name);
  return findPreset(name) === undefined && existsSync(path) ? path : name;
}

function shown({ level, message }: LogEntry): string {
  const time = new Date().toISOString().slice(0, 19).replace("T", " ");
  return `${time} ${level === "info" ? "" : `${level}: `}${message}`;
}
