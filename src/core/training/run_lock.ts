/**
 * One trainer at a time in the folder of a run.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";

/** The file in a run's folder that its trainer holds locked. */
export const RUN_LOCK_FILE = ".lock";

/**
 * Takes the folder of a run for this process; disposing gives it back. The system does so too when the process ends,
 * in whichever way.
 *
 * @throws {UserError} If another process trains there.
 */
export async function lockRun(folder: string): Promise<Disposable> {
  const path = join(folder, RUN_LOCK_FILE);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
  try {
    if (!await tryLock(file)) {
      throw new UserError(
        `Cannot train in "${folder}": another process trains there; wait for it, or choose another --output`,
      );
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

async function tryLock(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return true; // a file system without locks
    throw error;
  }
}
