/**
 * The checkpoints of a run.
 *
 * @module
 */

import { join } from "node:path";
import { fileError } from "../../utils/file_error.ts";

/** One checkpoint of a run; whether it is whole shows when it is opened. */
export interface CheckpointEntry {
  /** Its folder. */
  readonly path: string;
  /** Optimizer steps done. */
  readonly step: number;
}

/** Returns the folder that holds the checkpoints of a run. */
export function checkpointsFolder(runFolder: string): string {
  return join(runFolder, "checkpoints");
}

/** Returns the folder of the checkpoint after `step` steps. */
export function checkpointPath(runFolder: string, step: number): string {
  return join(checkpointsFolder(runFolder), `checkpoint-${step}`);
}

/** Lists the checkpoints of a run, the oldest first; a run without any has an empty list. */
export async function listCheckpoints(runFolder: string): Promise<CheckpointEntry[]> {
  const folder = checkpointsFolder(runFolder);
  const found: CheckpointEntry[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const step = /^checkpoint-(\d+)$/.exec(name)?.[1];
      if (isDirectory && step !== undefined) {
        found.push({ path: join(folder, name), step: Number(step) });
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", folder, error);
  }
  return found.sort((a, b) => a.step - b.step);
}
