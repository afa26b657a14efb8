/**
 * The lock on the checkpoints of a run: whoever reads one holds it with others, whoever removes one holds it alone.
 *
 * @module
 */

import { join } from "node:path";
import {
  isFileLocked,
  waitForFileLock,
  type WaitForFileLockOptions,
} from "../../utils/file_lock.ts";

/** The file in a run's folder that is locked; it lies outside the folder of checkpoints, which holds nothing else. */
export const CHECKPOINTS_LOCK_FILE = ".checkpoints.lock";

/**
 * Waits for the checkpoints of a run; `undefined` if others had them all the time. Disposing gives them back.
 *
 * @throws {UserError} If the run's folder cannot be written.
 */
export async function lockCheckpoints(
  runFolder: string,
  options: WaitForFileLockOptions = {},
): Promise<Disposable | undefined> {
  return await waitForFileLock(join(runFolder, CHECKPOINTS_LOCK_FILE), options);
}

/** Whether somebody reads or removes checkpoints of a run right now; nothing is written. */
export async function areCheckpointsLocked(runFolder: string): Promise<boolean> {
  return await isFileLocked(join(runFolder, CHECKPOINTS_LOCK_FILE));
}
