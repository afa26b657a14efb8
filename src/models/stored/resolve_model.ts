/**
 * What the name of a model stands for, wherever one is given. In this order:
 *
 * 1. a run (its newest checkpoint), also by its name in `<home>/runs`;
 * 2. the folder of a model or an adapter, also by its name in `<home>/models` or `./models`;
 * 3. a `.gguf` file;
 * 4. a preset, which has no weights yet;
 * 5. an alias, or `owner/name`, on the hub: from the cache, else downloaded.
 *
 * What lies on disk goes before what only has a name, presets of training aside: `presetsFirst` asks for these.
 *
 * @module
 */

import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import {
  homePaths,
  isGgufPath,
  modelFolders,
  type PathContext,
  resolveHome,
} from "../../utils/paths.ts";
import { isAdapterFolder } from "../adapters/folder.ts";
import { findAlias } from "../aliases.ts";
import { checkpointsFolder } from "../checkpoint/list.ts";
import { latestCheckpoint } from "../checkpoint/open.ts";
import { cachedSnapshot } from "../hub/cache.ts";
import { isEnough } from "../hub/download_model.ts";
import { CONFIG_FILE } from "../hub/files.ts";
import type { ModelPart } from "../hub/model_files.ts";
import { formatReference, type HubReference, parseHubReference } from "../hub/reference.ts";
import { type HubSettings, hubSettings } from "../hub/settings.ts";
import { findPreset, type Preset, PRESETS } from "../presets.ts";

/** A model on disk. */
export interface ModelOnDisk {
  /** What was found: a folder, a run's checkpoint, a file, a repository in the cache. */
  readonly kind: "folder" | "run" | "gguf" | "hub";
  /** What to call it. */
  readonly id: string;
  /** Its folder; of `gguf`, the file. */
  readonly path: string;
  /** Why it is this one, in words. */
  readonly why: string;
}

/** A model that is not trained yet. */
export interface ModelPreset {
  /** What was found. */
  readonly kind: "preset";
  /** Its name. */
  readonly id: string;
  /** What it is. */
  readonly preset: Preset;
  /** Why it is this one, in words. */
  readonly why: string;
}

/** What a name stands for. */
export type ResolvedModel = ModelOnDisk | ModelPreset;

/** A model that has to be downloaded. */
export interface HubDownload {
  /** The model. */
  readonly reference: HubReference;
  /** Where from, and where to. */
  readonly settings: HubSettings;
  /** How much of it is wanted. */
  readonly part: ModelPart;
}

/** Options of {@linkcode resolveModel}. */
export interface ResolveOptions {
  /** What names are relative to. */
  readonly context: PathContext;
  /** Whether a preset goes before a folder of its name. @default {false} */
  readonly presetsFirst?: boolean;
  /** How much of a model on the hub is wanted. @default {"model"} */
  readonly part?: ModelPart;
  /** Downloads what is not in the cache and returns its folder. @default {it is an error instead} */
  readonly download?: (wanted: HubDownload) => Promise<string>;
}

/**
 * Finds what `name` stands for.
 *
 * @throws {UserError} If it stands for nothing; the message says where it was looked for.
 */
export async function resolveModel(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const { presetsFirst = false } = options;
  const preset = foundPreset(name);
  if (presetsFirst && preset !== undefined) return preset;
  return await foundRun(name, options) ?? foundFolder(name, options) ?? foundFile(name, options) ??
    preset ?? await foundOnHub(name, options) ?? notFound(name, options);
}

function foundPreset(name: string): ModelPreset | undefined {
  const preset = findPreset(name);
  return preset && { kind: "preset", id: name, preset, why: `the preset "${name}"` };
}

async function foundRun(
  name: string,
  { context }: ResolveOptions,
): Promise<ModelOnDisk | undefined> {
  const { runs } = homePaths(resolveHome(context).path);
  for (const run of name === "" ? [] : [resolve(context.cwd, name), join(runs, name)]) {
    if (!existsSync(checkpointsFolder(run))) continue;
    using checkpoint = await latestCheckpoint(run);
    if (checkpoint === undefined) {
      throw new UserError(`Cannot use run "${run}": it has no whole checkpoint yet`);
    }
    const why = `the newest checkpoint of the run "${run}"`;
    return { kind: "run", id: basename(run), path: checkpoint.path, why };
  }
}

function foundFolder(name: string, { context }: ResolveOptions): ModelOnDisk | undefined {
  const { runs } = homePaths(resolveHome(context).path);
  // a checkpoint of a run may be named by its path there
  const places = name === "" ? [] : [...modelFolders(name, context), join(runs, name)];
  const path = places.find((it) => existsSync(join(it, CONFIG_FILE)) || isAdapterFolder(it));
  return path === undefined
    ? undefined
    : { kind: "folder", id: basename(path), path, why: `the folder "${path}"` };
}

/** A `.gguf` file is passed on as it is; who opens the model tells it from a folder by its ending. */
function foundFile(name: string, { context }: ResolveOptions): ModelOnDisk | undefined {
  if (!isGgufPath(name)) return undefined;
  const path = modelFolders(name, context).find((it) => existsSync(it) && statSync(it).isFile());
  return path === undefined
    ? undefined
    : { kind: "gguf", id: basename(path).slice(0, -5), path, why: `the file "${path}"` };
}

async function foundOnHub(
  name: string,
  options: ResolveOptions,
): Promise<ModelOnDisk | undefined> {
  const { context, part = "model", download } = options;
  const alias = findAlias(name);
  const reference = alias ?? parseHubReference(name);
  if (reference === undefined) return undefined;
  const settings = await hubSettings(context);
  const id = formatReference(reference);
  const shown = alias === undefined ? `"${id}"` : `"${id}", which "${name}" is short for,`;
  const cached = cachedSnapshot(settings.cache, reference);
  if (cached !== undefined && isEnough(cached, part)) {
    return { kind: "hub", id, path: cached, why: `${shown} in the cache "${settings.cache}"` };
  }
  if (isMeantAsPath(name, context)) return undefined;
  if (download === undefined || settings.offline) {
    const places = modelFolders(name, context).join(", ");
    const remedy = settings.offline
      ? "HF_HUB_OFFLINE is set, so it is not downloaded"
      : `get it with: llm-training model pull ${name}`;
    throw new UserError(
      `Cannot find model "${name}": ${shown} is not whole in the cache "${settings.cache}", ` +
        `and there is no folder ${places}; ${remedy}`,
    );
  }
  const path = await download({ reference, settings, part });
  return { kind: "hub", id, path, why: `${shown} downloaded from ${settings.endpoint}` };
}

/** Whether `name` is a path that leads into a folder which is there, such as `runs/no-such-run`. */
function isMeantAsPath(name: string, { cwd }: PathContext): boolean {
  return existsSync(resolve(cwd, name)) || existsSync(resolve(cwd, name.split("/")[0]!));
}

function notFound(name: string, { context }: ResolveOptions): never {
  const direct = resolve(context.cwd, name);
  if (name !== "" && existsSync(direct)) {
    throw new UserError(`Cannot use "${direct}" as a model: it has no ${CONFIG_FILE}`);
  }
  const places = modelFolders(name, context).join(", ");
  const names = name.includes("/")
    ? "a model on the hub is named owner/name or owner/name@revision"
    : `it is neither a preset (${Object.keys(PRESETS).join(", ")}) nor an alias (such as qwen3; ` +
      "llm-training model pull --help lists these)";
  throw new UserError(`Cannot find model "${name}": looked for ${places || "nothing"}; ${names}`);
}
