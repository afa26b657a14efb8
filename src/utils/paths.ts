/**
 * Where things lie on disk: the only place that knows the home folder.
 *
 * @example
 * ```ts
 * import { homePaths, resolveHome } from "./paths.ts";
 *
 * const home = resolveHome({ env: { LLM_TRAINING_HOME: "/data/llm" }, cwd: "/" });
 * if (homePaths(home.path).models !== "/data/llm/models") throw new Error("from the environment");
 * ```
 *
 * @module
 */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The file that marks a folder as a home and holds its settings. */
export const SETTINGS_FILE = "llm-training.json";

/** The environment variable that names the home folder. */
export const HOME_VARIABLE = "LLM_TRAINING_HOME";

/** What paths depend on. */
export interface PathContext {
  /** The value of `--home`. */
  readonly flag?: string | undefined;
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current folder. */
  readonly cwd: string;
  /** The operating system. @default {Deno.build.os} */
  readonly os?: typeof Deno.build.os;
}

/** The home folder and why it is that one. */
export interface Home {
  /** Absolute path; it need not exist. */
  readonly path: string;
  /** What named it. */
  readonly source: "flag" | "environment" | "project" | "user";
}

/** Every path inside a home folder. */
export interface HomePaths {
  /** Settings. */
  readonly settings: string;
  /** Where the daemon picks up data sets. */
  readonly inbox: string;
  /** Data sets by content hash. */
  readonly data: string;
  /** What validation found in data sets, by content hash. */
  readonly verdicts: string;
  /** Tokens of data sets, kept for further runs. */
  readonly tokens: string;
  /** Base models. */
  readonly models: string;
  /** Training runs. */
  readonly runs: string;
  /** Backups. */
  readonly backups: string;
  /** Deployments. */
  readonly deployments: string;
  /** Keys of the server's clients, hashed. */
  readonly keys: string;
  /** Models and aliases that a server was told to serve. */
  readonly serving: string;
  /** Queue, runs, evaluations, deployments, leases. */
  readonly state: string;
  /** Where files tell the daemon what to do. */
  readonly control: string;
  /** The daemon's lock, key, state and logs. */
  readonly daemon: string;
  /** Which model is live. */
  readonly live: string;
}

/**
 * Finds the home folder: the flag, else the environment, else the nearest folder upwards that has an
 * `llm-training.json`, else the user's data folder.
 */
export function resolveHome(context: PathContext): Home {
  const { flag, env, cwd } = context;
  if (flag !== undefined && flag !== "") return { path: resolve(cwd, flag), source: "flag" };
  const named = env[HOME_VARIABLE];
  if (named !== undefined && named !== "") {
    return { path: resolve(cwd, named), source: "environment" };
  }
  const project = nearestProject(cwd);
  if (project !== undefined) return { path: project, source: "project" };
  return { path: join(userDataFolder(context), "llm-training"), source: "user" };
}

/** Returns the paths inside the home folder `home`. */
export function homePaths(home: string): HomePaths {
  return {
    settings: join(home, SETTINGS_FILE),
    inbox: join(home, "inbox"),
    data: join(home, "data"),
    verdicts: join(home, "data", "verdicts"),
    tokens: join(home, "data", "tokens"),
    models: join(home, "models"),
    runs: join(home, "runs"),
    backups: join(home, "backups"),
    deployments: join(home, "deployments"),
    keys: join(home, "keys.json"),
    serving: join(home, "serving.json"),
    state: join(home, "state.sqlite"),
    control: join(home, "control"),
    daemon: join(home, "daemon"),
    live: join(home, "live.json"),
  };
}

/** Returns the folders in which a model called `name` may lie, first those that go before others. */
export function modelFolders(name: string, context: PathContext): readonly string[] {
  if (name === "") return [];
  const { models } = homePaths(resolveHome(context).path);
  const folders = [
    resolve(context.cwd, name),
    join(models, name),
    resolve(context.cwd, "models", name),
  ];
  return [...new Set(folders)];
}

/** Whether `path` is named as GGUF files are: models that are one file. */
export function isGgufPath(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** Returns the folder in which Hugging Face's tools keep what they share: the cache and a token. */
export function hubHome(context: PathContext): string {
  const { env, cwd } = context;
  if (env.HF_HOME) return resolve(cwd, env.HF_HOME);
  const cache = env.XDG_CACHE_HOME || join(userFolder(context), ".cache");
  return resolve(cwd, cache, "huggingface");
}

/** Returns the folder in which Hugging Face's tools keep downloaded repositories. */
export function hubCache(context: PathContext): string {
  const explicit = context.env.HF_HUB_CACHE || context.env.HUGGINGFACE_HUB_CACHE;
  return explicit ? resolve(context.cwd, explicit) : join(hubHome(context), "hub");
}

function nearestProject(cwd: string): string | undefined {
  let folder = resolve(cwd);
  while (!existsSync(join(folder, SETTINGS_FILE))) {
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
  return folder;
}

/** The folder in which the operating system wants programs to keep a user's data. */
function userDataFolder(context: PathContext): string {
  const { env, os = Deno.build.os } = context;
  if (os === "windows") {
    return env.LOCALAPPDATA || join(userFolder(context), "AppData", "Local");
  }
  if (os === "darwin") return join(userFolder(context), "Library", "Application Support");
  return env.XDG_DATA_HOME || join(userFolder(context), ".local", "share");
}

function userFolder({ env, cwd }: PathContext): string {
  return env.HOME || env.USERPROFILE || cwd;
}
