/**
 * One process at a time makes a run, and others can tell whether one does: the system releases the lock when the
 * process ends, in whichever way.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { LOCK_FILE } from "./run_files.ts";

/** Tries to take the lock; those who only look hold it for a moment. */
const ATTEMPTS = 20;

const ATTEMPT_INTERVAL_MS = 25;

/**
 * Takes the lock of the run in `folder`; disposing releases it.
 *
 * @throws {UserError} If another process makes this run.
 */
export async function lockRun(folder: string): Promise<Disposable> {
  const path = join(folder, LOCK_FILE);
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path, { create: true, read: true, write: true });
    for (let attempt = 1; !await tryLock(file, "exclusive"); attempt++) {
      if (attempt === ATTEMPTS) {
        throw new UserError(
          `Cannot train in "${folder}": another process does at the moment (${await holder(
            path,
          )}); ` +
            "wait until it ends, or give another --output",
        );
      }
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_INTERVAL_MS));
    }
    await file.truncate(0);
    await file.write(new TextEncoder().encode(`process ${Deno.pid} on ${Deno.hostname()}\n`));
    const held = file;
    return { [Symbol.dispose]: () => held.close() };
  } catch (error) {
    file?.close();
    throw fileError("write", path, error);
  }
}

/** Says whether a process makes the run in `folder` at the moment. */
export async function isRunLocked(folder: string): Promise<boolean> {
  try {
    using file = await Deno.open(join(folder, LOCK_FILE));
    return !await tryLock(file, "shared");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError("read", join(folder, LOCK_FILE), error);
  }
}

async function tryLock(file: Deno.FsFile, kind: "exclusive" | "shared"): Promise<boolean> {
  try {
    return await file.tryLock(kind === "exclusive");
  } catch (error) {
    // on a file system without locks nobody can tell
    if (error instanceof Deno.errors.NotSupported) return true;
    throw error;
  }
}

async function holder(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.trim() || "unknown";
}
