/**
 * Saving a training state: a model folder that transformers opens, with all that continuing needs beside.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { type NamedTensors, safetensorsContent } from "../../engine/tensor/safetensors_writer.ts";
import {
  type FileContent,
  removeIfThere,
  writeFolderAtomic,
  writeSynced,
} from "../../utils/atomic_file.ts";
import { type AdapterContents, writeAdapterFiles } from "../adapters/folder.ts";
import { type ModelContents, writeModelFiles } from "../hub/save_model.ts";
import { checkpointPath, checkpointsFolder, listCheckpoints } from "./list.ts";
import { holdsOf, readHolds } from "./holds.ts";
import { lockCheckpoints } from "./lock.ts";
import {
  CHECKPOINT_FORMAT,
  type Manifest,
  MANIFEST_FILE,
  measured,
  OPTIMIZER_FILE,
} from "./manifest.ts";
import { condemnCheckpoint } from "./remove.ts";
import type { TrainerState } from "./trainer_state.ts";

/** Where the run stands. */
export const TRAINER_STATE_FILE = "trainer_state.json";

/** What a training state holds besides what is trained. */
export interface TrainingProgress {
  /** Tensors of the optimizer. */
  readonly optimizer: NamedTensors;
  /** Where the run stands. */
  readonly trainer: TrainerState;
}

/** A training state: of a whole model, or of an adapter. */
export type TrainingState =
  & TrainingProgress
  & (ModelContents | { readonly adapter: AdapterContents });

/**
 * Saves a state as `<runFolder>/checkpoints/checkpoint-<step>` and returns that path. Whenever the process is
 * killed, the folder is there with all its files or not at all. What an earlier kill left is removed.
 *
 * @throws {UserError} If the disk is full or the folder cannot be written; earlier checkpoints stay as they
 * are.
 */
export async function saveCheckpoint(runFolder: string, state: TrainingState): Promise<string> {
  const path = checkpointPath(runFolder, state.trainer.step);
  await removeLeftovers(runFolder);
  await writeFolderAtomic(path, async (folder) => {
    const files: Record<string, Manifest["files"][string]> = {};
    const write = async (name: string, content: FileContent) => {
      const measuring = measured(content);
      await writeSynced(join(folder, name), measuring.content);
      files[name] = measuring.entry();
    };
    if ("adapter" in state) await writeAdapterFiles(state.adapter, write);
    else await writeModelFiles(state, write);
    await write(OPTIMIZER_FILE, safetensorsContent(state.optimizer));
    await write(TRAINER_STATE_FILE, `${JSON.stringify(state.trainer, null, 2)}\n`);
    const manifest: Manifest = { format: CHECKPOINT_FORMAT, files };
    await writeSynced(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  return path;
}

/** Options of {@linkcode pruneCheckpoints}. */
export interface PruneOptions {
  /** How many of the newest to keep, at least 1. */
  readonly keepLast: number;
  /** Steps of checkpoints that stay besides. @default {[]} */
  readonly keepSteps?: readonly number[];
}

/** How long a trainer waits for others that read or remove checkpoints; the next save removes what is left then. */
const PRUNE_WAIT_MS = 2000;

/**
 * Removes the oldest checkpoints of a run and returns their paths. Those that are held stay, and nothing is removed
 * while others read checkpoints of the run.
 */
export async function pruneCheckpoints(
  runFolder: string,
  { keepLast, keepSteps = [] }: PruneOptions,
): Promise<string[]> {
  if (!Number.isSafeInteger(keepLast) || keepLast < 1) {
    throw new RangeError(
      `Cannot prune checkpoints as "keepLast" must be at least 1: current value is ${keepLast}`,
    );
  }
  const outdated = (await listCheckpoints(runFolder)).slice(0, -keepLast)
    .filter(({ step }) => !keepSteps.includes(step));
  return await removeUnheld(runFolder, outdated.map(({ path }) => path));
}

/**
 * Removes the checkpoint `path`, unless it is held or others are reading checkpoints of its run; does nothing if there
 * is none.
 */
export async function removeCheckpoint(path: string): Promise<void> {
  await removeUnheld(dirname(dirname(path)), [path]);
}

/** Removes those of the checkpoints `paths` that may go, and returns them. */
async function removeUnheld(runFolder: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  using lock = await lockCheckpoints(runFolder, { timeoutMs: PRUNE_WAIT_MS });
  if (lock === undefined) return [];
  const holds = await readHolds(runFolder);
  const unheld = paths.filter((path) => holdsOf(holds, path).length === 0);
  for (const path of unheld) {
    // out of sight first: a kill while its files are removed then leaves no half of a checkpoint
    const condemned = await condemnCheckpoint(path);
    if (condemned !== undefined) await removeIfThere(condemned);
  }
  return unheld;
}

/** Removes what a killed process left of saving or removing a checkpoint of a run. */
export async function removeLeftovers(runFolder: string): Promise<void> {
  const folder = checkpointsFolder(runFolder);
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/^\.checkpoint-\d+\.part/.test(name)) await removeIfThere(join(folder, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
