/**
 * One daemon at a time in a home folder, by a lock of the operating system: it is gone when the process is.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { HomePaths } from "../../utils/paths.ts";

/** The file that the daemon of a home folder holds locked. */
export function lockPath(paths: HomePaths): string {
  return join(paths.daemon, "lock");
}

/**
 * Takes the lock; disposing gives it back.
 *
 * @throws {UserError} If a daemon has it.
 */
export async function lockInstance(paths: HomePaths): Promise<Disposable> {
  const file = await openLock(paths);
  if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  file.close();
  throw new UserError(
    `Cannot start a daemon in "${paths.daemon}": one is running there already; see "llm-training daemon status"`,
  );
}

/** Whether a daemon holds the lock. */
export async function isLocked(paths: HomePaths): Promise<boolean> {
  try {
    using file = await Deno.open(lockPath(paths), { read: true });
    return !await file.tryLock(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError("read", lockPath(paths), error);
  }
}

async function openLock(paths: HomePaths): Promise<Deno.FsFile> {
  try {
    // its key is nobody else's business
    await Deno.mkdir(paths.daemon, { recursive: true, mode: 0o700 });
    return await Deno.open(lockPath(paths), { create: true, read: true, write: true });
  } catch (error) {
    throw fileError("write", lockPath(paths), error);
  }
}
