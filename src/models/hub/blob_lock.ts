/**
 * One download of a blob at a time, on the machine as in this process: the lock that Python's
 * `huggingface_hub` takes too.
 *
 * @module
 */

import { dirname } from "node:path";
import { pause } from "./retry.ts";

/** Options of {@linkcode lockFile}. */
export interface LockOptions {
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Called once if another holds the lock. @default {nothing is called} */
  readonly onWait?: () => void;
}

const POLL_INTERVAL_MS = 100;

/**
 * Waits for the lock on the file `path`, which is made if it is not there; disposing releases it. The system
 * releases it when the process ends, in whichever way.
 */
export async function lockFile(path: string, options: LockOptions): Promise<Disposable> {
  const { signal, onWait = () => {} } = options;
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o664 });
  try {
    for (let waits = 0; !await tryLock(file); waits++) {
      if (waits === 0) onWait();
      await pause(POLL_INTERVAL_MS, signal);
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
    // a file system without locks: checksums find out if two writers got into each other's way
    if (error instanceof Deno.errors.NotSupported) return true;
    throw error;
  }
}
