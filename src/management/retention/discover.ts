/**
 * Finds the runs of a home and their checkpoints, as the trainer writes them. There is no index that could fall out
 * of step: what lies on disk counts. Links are not followed, so that nothing outside is ever removed.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { holdsOf, readHolds } from "../../models/checkpoint/holds.ts";
import {
  type CheckpointEntry,
  checkpointsFolder,
  listCheckpoints,
} from "../../models/checkpoint/list.ts";
import { areCheckpointsLocked } from "../../models/checkpoint/lock.ts";
import { MANIFEST_FILE, OPTIMIZER_FILE, readManifest } from "../../models/checkpoint/manifest.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { isFileLocked } from "../../utils/file_lock.ts";
import { readRunMetrics } from "./run_metrics.ts";
import type { RunUse, StoredCheckpoint, StoredRun } from "./stored_run.ts";

/** The file in a run's folder that a trainer holds locked while it is at work. */
const TRAINER_LOCK_FILE = "run.lock";

/** What of a run's events tells of its course. */
const COURSE = /^\{.*?"event":"(started|resumed|interrupted|failed|finished|stopped)"/gm;

/** How deep folders of runs may lie in others. */
const MAX_DEPTH = 4;

/** Finds all runs in the folder `runs`, by name; a folder that is not there has none. */
export async function discoverRuns(runs: string): Promise<StoredRun[]> {
  const folders = await Array.fromAsync(runFolders(runs, 0));
  const found: StoredRun[] = [];
  for (const folder of folders.sort()) found.push(await discoverRun(runs, folder));
  return found;
}

/** Looks at the run in `folder` of the folder `runs`. */
export async function discoverRun(runs: string, folder: string): Promise<StoredRun> {
  const name = relative(runs, folder).split(sep).join("/");
  const entries = await listCheckpoints(folder);
  const metrics = await readRunMetrics(folder, new Set(entries.map(({ step }) => step)));
  const problems: string[] = [];
  const known = async <T>(reading: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(messageOf(error));
      return otherwise;
    }
  };
  const holds = await known(readHolds(folder), {});
  const uses = await known(usesOf(folder, entries), []);
  const checkpoints: StoredCheckpoint[] = [];
  for (const entry of entries) {
    const measured = await measureCheckpoint(entry);
    if (measured === undefined) continue; // a trainer has just removed it
    checkpoints.push({
      id: `${name}/${basename(entry.path)}`,
      run: name,
      ...entry,
      ...measured,
      metrics: metrics.get(entry.step) ?? {},
      holds: holdsOf(holds, entry.path),
    });
  }
  return {
    name,
    path: folder,
    checkpoints,
    isTraining: await isFileLocked(join(folder, TRAINER_LOCK_FILE)),
    isFinished: await isFinished(folder),
    isLocked: await areCheckpointsLocked(folder),
    uses,
    problem: problems[0] ?? null,
  };
}

async function* runFolders(folder: string, depth: number): AsyncGenerator<string> {
  let names: string[];
  try {
    names = (await Array.fromAsync(Deno.readDir(folder)))
      .filter(({ name, isDirectory }) => isDirectory && !name.startsWith("."))
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw fileError("list", folder, error);
  }
  if (depth > 0 && names.includes(basename(checkpointsFolder(folder)))) {
    yield folder;
  } else if (depth < MAX_DEPTH) {
    for (const name of names) yield* runFolders(join(folder, name), depth + 1);
  }
}

/** `undefined` if it is no longer there. */
async function measureCheckpoint(
  { path }: CheckpointEntry,
): Promise<
  Pick<StoredCheckpoint, "savedAtMs" | "sizeBytes" | "stateBytes" | "damage"> | undefined
> {
  const files = await fileSizes(path);
  const folder = await statIfThere(path);
  if (files === undefined || folder === undefined) return undefined;
  const written = await statIfThere(join(path, MANIFEST_FILE)) ?? folder;
  // dropping the optimizer's state writes the manifest anew, which makes no checkpoint younger
  const state = await statIfThere(join(path, "trainer_state.json")) ?? written;
  return {
    savedAtMs: (state.mtime ?? written.mtime ?? new Date(0)).getTime(),
    sizeBytes: [...files.values()].reduce((sum, size) => sum + size, 0),
    stateBytes: files.get(OPTIMIZER_FILE) ?? 0,
    damage: await damageOf(path, files),
  };
}

async function damageOf(path: string, files: ReadonlyMap<string, number>): Promise<string | null> {
  try {
    for (const [name, { sizeBytes }] of Object.entries((await readManifest(path)).files)) {
      const size = files.get(name);
      if (size === undefined) return `${name} is missing`;
      if (size !== sizeBytes) return `${name} has ${size} bytes instead of ${sizeBytes}`;
    }
    return null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return messageOf(error);
  }
}

/** Sizes of all files below `folder`, by path within it; a link counts as itself. */
async function fileSizes(folder: string): Promise<Map<string, number> | undefined> {
  const sizes = new Map<string, number>();
  const visit = async (path: string, prefix: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      const inner = join(path, name);
      if (isDirectory) await visit(inner, `${prefix}${name}/`);
      else sizes.set(`${prefix}${name}`, (await Deno.lstat(inner)).size);
    }
  };
  try {
    await visit(folder, "");
    return sizes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("list", folder, error);
  }
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

/** Whether the last that a run notes of its course is that it has done all it was to do. */
async function isFinished(folder: string): Promise<boolean> {
  const path = join(folder, "events.jsonl");
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError("read", path, error);
  }
  const events = [...text.matchAll(COURSE)];
  return /finished|stopped/.test(events.at(-1)?.[1] ?? "");
}

/** The models that a run cannot do without: an adapter's base, or what it starts from until it has saved itself. */
async function usesOf(
  folder: string,
  entries: readonly CheckpointEntry[],
): Promise<readonly RunUse[]> {
  const path = join(folder, "config.json");
  if (!existsSync(path)) return [];
  let config: Readonly<Record<string, unknown>>;
  try {
    config = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw fileError("read", path, error) instanceof UserError
      ? fileError("read", path, error)
      : new UserError(
        `Cannot read "${path}": it is not valid JSON; what the run needs is not known`,
      );
  }
  const name = basename(folder);
  const isAdapter = entries.some((entry) => existsSync(join(entry.path, "adapter_config.json"))) ||
    typeof config["loraRank"] === "number" || typeof config["adapter"] === "string";
  const uses: RunUse[] = [];
  const add = (value: unknown, words: string) => {
    if (typeof value === "string") uses.push({ path: resolve(folder, value), words });
  };
  if (isAdapter) add(config["model"], `the adapters of run "${name}" are for it`);
  if (entries.length === 0) {
    add(config["model"], `run "${name}" starts from it`);
    add(config["adapter"], `run "${name}" starts from it`);
  }
  return uses;
}
