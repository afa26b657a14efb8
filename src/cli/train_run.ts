/**
 * From flags, files and the run that goes on to the settings of one run of `train`.
 *
 * @module
 */

import { basename, join } from "node:path";
import type { TrainingConfig } from "../core/training/config.ts";
import { idleBecause } from "../core/training/idle_settings.ts";
import { readRunConfig, RUN_CONFIG_FILE } from "../core/training/run_folder.ts";
import { NEW_ADAPTER_SETTINGS, TRAINING_SETTINGS } from "../core/training/settings.ts";
import { LORA_DEFAULTS } from "../models/adapters/lora_config.ts";
import { isCommit } from "../models/hub/reference.ts";
import { PRESETS } from "../models/presets.ts";
import { resolveModel } from "../models/stored/resolve_model.ts";
import { UserError } from "../utils/errors.ts";
import { splitPaths } from "../utils/path_list.ts";
import { homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import {
  describeSource,
  type GivenSetting,
  type GivenSettings,
  resolveSettings,
  valuesOf,
} from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { downloadShown, findAdapter } from "./model_options.ts";
import { readConfig, readHome } from "./settings_layer.ts";
import { TRAIN_SETTINGS } from "./settings_sections.ts";

/** Options of {@linkcode resolveTrainSettings}. */
export interface TrainSettingsOptions {
  /** What the command line gives. */
  readonly flags: GivenSettings;
  /** The value of `--config`. */
  readonly config?: string | undefined;
  /** Whether a run goes on. */
  readonly resume: boolean;
  /** What paths depend on. */
  readonly context: PathContext;
  /** Told of what is odd. */
  readonly onWarning: (message: string) => void;
}

/** The settings of `train`, as they were given. */
export interface TrainSettings {
  /** Every setting with its source. */
  readonly settings: GivenSettings;
  /** Those of the run that goes on; `undefined` if a new one starts. */
  readonly before: TrainingConfig | undefined;
}

/**
 * Finds every setting: flags before `--config` before the home's settings, or those of the run that goes on.
 *
 * @throws {UserError} If a file cannot be read.
 */
export async function resolveTrainSettings(options: TrainSettingsOptions): Promise<TrainSettings> {
  const { flags, config, resume, context, onWarning } = options;
  const reader = { command: "train", table: TRAIN_SETTINGS, context, onWarning };
  const given = await readConfig(config, reader);
  const output = (flags["output"] ?? given["output"])?.value;
  if (resume && typeof output !== "string") {
    throw new UserError("Cannot resume: give --output <folder>, the folder of the run");
  }
  const before = resume ? await readRunConfig(String(output)) : undefined;
  if (before !== undefined) {
    const place = join(String(output), RUN_CONFIG_FILE);
    const run = Object.entries(before).map(([key, value]) =>
      [key, { value, source: { origin: "run", place } }] as const
    );
    const layers = [Object.fromEntries(run), given, flags];
    return { settings: resolveSettings(TRAIN_SETTINGS, layers), before };
  }
  const home = await readHome(reader);
  return { settings: resolveSettings(TRAIN_SETTINGS, [home, given, flags]), before };
}

/** What is trained, and where to. */
export interface TrainRun {
  /** Its settings. */
  readonly config: TrainingConfig;
  /** Its folder. */
  readonly output: string;
}

/**
 * Completes the settings of a run and finds its model; downloads it if it is on the hub.
 *
 * @throws {UserError} If something is missing, or the run that goes on cannot be changed so.
 */
export async function completeRun(
  { settings, before }: TrainSettings,
  { resume, context, onWarning }: Pick<TrainSettingsOptions, "resume" | "context" | "onWarning">,
): Promise<TrainRun> {
  const output = settings["output"]?.value;
  // a misspelt folder must not begin another run with what the home says
  const isAsked = isGiven(settings["dataset"]) && settings["dataset"]?.source.origin !== "home";
  if (resume && before === undefined && !(isAsked && isGiven(settings["model"]))) {
    throw new UserError(`Cannot resume: "${output}" holds no run; look at --output`);
  }
  refuseMissing(settings);
  const completed = before === undefined ? completeAdapter(settings) : settings;
  const found = await withPlaces(completed, context);
  if (before !== undefined) refuseChanges(found, { before, output: String(output) });
  const config = configOf(found);
  tellIdle(found, { config, onWarning });
  if (typeof output === "string") return { config, output };
  const typed = String(settings["model"]?.value);
  const runs = homePaths(resolveHome(context).path).runs;
  return { config, output: join(runs, runName(config, { typed, now: new Date() })) };
}

function configOf(settings: GivenSettings): TrainingConfig {
  const { output: _, ...config } = valuesOf(settings);
  return config as unknown as TrainingConfig; // every value was decoded by its setting
}

/** Tells of settings of the command line and of `--config` that do nothing beside the others. */
function tellIdle(
  settings: GivenSettings,
  { config, onWarning }: {
    readonly config: TrainingConfig;
    readonly onWarning: (message: string) => void;
  },
): void {
  for (const [key, { value, source }] of Object.entries(settings)) {
    const { origin } = source;
    if ((origin !== "flag" && origin !== "config") || value === TRAIN_SETTINGS[key]?.default) {
      continue;
    }
    const needs = idleBecause(key, config);
    if (needs === undefined) continue;
    onWarning(`"${key}" (${describeSource(source)}) does nothing without ${needs}`);
  }
}

function isGiven(setting: GivenSetting | undefined): boolean {
  return setting?.value !== undefined && setting.value !== null;
}

function refuseMissing(settings: GivenSettings): void {
  if (!isGiven(settings["dataset"])) {
    throw new UserError(
      'Cannot train without data: give --dataset <file>, or "dataset" in the file of --config; make some with: ' +
        "llm-training data generate --skill tiny_world --level 3 --rows 3000 --output rows.jsonl",
    );
  }
  if (!isGiven(settings["model"])) {
    const names = Object.keys(PRESETS).join(", ");
    throw new UserError(
      `Cannot train without a model: give --model <folder>, a model on the hub (owner/name), or a preset (${names})`,
    );
  }
}

/**
 * Completes the settings of an adapter.
 *
 * @throws {UserError} If they contradict each other.
 */
export function completeAdapter(settings: GivenSettings): GivenSettings {
  const asking = NEW_ADAPTER_SETTINGS.filter((key) => {
    const { value, source: { origin } } = settings[key]!;
    // a file may spell out defaults, as that of a run does
    const isDefault = value === null || value === TRAINING_SETTINGS[key].default;
    return origin === "flag" ? value !== null : origin !== "default" && !isDefault;
  });
  const { adapter, loraRank, baseDtype } = settings;
  if (isGiven(adapter)) {
    if (asking.length === 0) return settings;
    const others = asking.map((key) => describeSource(settings[key]!.source)).join(", ");
    throw new UserError(
      `Cannot combine ${describeSource(adapter!.source)} with ${others}: ` +
        "the saved adapter has these settings already",
    );
  }
  const [first] = asking;
  if (first !== undefined) {
    return isGiven(loraRank) ? settings : {
      ...settings,
      loraRank: { value: LORA_DEFAULTS.rank, source: settings[first]!.source },
    };
  }
  if (baseDtype?.value !== TRAINING_SETTINGS.baseDtype.default) {
    throw new UserError(
      `Cannot keep the model as ${baseDtype?.value} (${describeSource(baseDtype!.source)}) while ` +
        "all of it is trained: add --lora-rank to train an adapter",
    );
  }
  return settings;
}

/** @throws {UserError} If a setting is another that cannot change within a run. */
function refuseChanges(
  settings: GivenSettings,
  { before, output }: { readonly before: TrainingConfig; readonly output: string },
): void {
  const began: Readonly<Record<string, unknown>> = { ...before };
  for (const [key, setting] of Object.entries(anySettings(TRAINING_SETTINGS))) {
    const { value, source } = settings[key]!;
    if (setting.fixed !== true || JSON.stringify(value) === JSON.stringify(began[key])) continue;
    const isFlag = source.origin === "flag";
    const given = isFlag ? source.place : `"${key}" (${describeSource(source)})`;
    const shown = value === null ? "" : ` ${JSON.stringify(value)}`;
    throw new UserError(
      `Cannot resume "${output}" with ${given}${shown}: it began with ${key} ` +
        `${JSON.stringify(began[key])}; leave ${
          isFlag ? source.place : "it"
        } out, or start a new ` +
        "run with another --output",
    );
  }
}

/** Finds the model and the adapter that were named; a run that goes on has found its own. */
async function withPlaces(settings: GivenSettings, context: PathContext): Promise<GivenSettings> {
  const found: Record<string, GivenSetting> = { ...settings };
  const { model, adapter } = settings;
  if (typeof model?.value === "string" && model.source.origin !== "run") {
    found["model"] = { ...model, value: await findBase(model.value, context) };
  }
  if (typeof adapter?.value === "string" && adapter.source.origin !== "run") {
    found["adapter"] = { ...adapter, value: await findAdapter(adapter.value, { context }) };
  }
  return found;
}

/** Returns the name of a preset, or the folder of the model that `name` stands for. */
async function findBase(name: string, context: PathContext): Promise<string> {
  const options = { context, presetsFirst: true, download: downloadShown };
  const found = await resolveModel(name, options);
  return found.kind === "preset" ? found.id : found.path;
}

/** Returns a name that sorts by time and says what was trained. */
function runName(
  { model, dataset }: TrainingConfig,
  { typed, now }: { readonly typed: string; readonly now: Date },
): string {
  const time = now.toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  const data = basename(splitPaths(dataset)[0]!.path)
    .replace(/\.(?:gz|zst)$/, "").replace(/\.[^.]*$/, "");
  const folder = basename(model);
  // in the hub's cache, folders are named by their commits
  return `${time}-${isCommit(folder) ? basename(typed) : folder}-${data}`;
}
