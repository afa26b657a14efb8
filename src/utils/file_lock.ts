/**
 * Locks between processes: the operating system holds them on a file and lets them go when their process ends, in
 * whichever way.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError } from "./file_error.ts";

/** Options of {@linkcode tryLockFile}. */
export interface FileLockOptions {
  /** Whether others may hold it in the same way at the same time. @default {false} */
  readonly shared?: boolean;
}

/** Options of {@linkcode waitForFileLock}. */
export interface WaitForFileLockOptions extends FileLockOptions {
  /** How long to wait for others. @default {without end} */
  readonly timeoutMs?: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

const POLL_INTERVAL_MS = 25;

/**
 * Takes the lock on the file `path`, which is made if it is not there; `undefined` if another holds it. Disposing
 * lets it go. The file stays: removing it would give two processes two files to lock.
 *
 * @throws {UserError} If the file cannot be opened.
 */
export async function tryLockFile(
  path: string,
  { shared = false }: FileLockOptions = {},
): Promise<Disposable | undefined> {
  const file = await openLock(path);
  let isLocked = false;
  try {
    isLocked = await tryLock(file, shared);
  } finally {
    if (!isLocked) file.close();
  }
  return isLocked ? { [Symbol.dispose]: () => file.close() } : undefined;
}

/** Waits for the lock on the file `path`; `undefined` if others held it all the time. See {@linkcode tryLockFile}. */
export async function waitForFileLock(
  path: string,
  options: WaitForFileLockOptions = {},
): Promise<Disposable | undefined> {
  const { shared = false, timeoutMs = Infinity, signal } = options;
  const start = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const lock = await tryLockFile(path, { shared });
    if (lock !== undefined || performance.now() - start >= timeoutMs) return lock;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** Whether another holds the lock on the file `path`; nothing is written. */
export async function isFileLocked(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true });
    return !await tryLock(file, false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError("read", path, error);
  }
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}

async function tryLock(file: Deno.FsFile, shared: boolean): Promise<boolean> {
  try {
    return await file.tryLock(!shared);
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return true; // a file system without locks
    throw error;
  }
}
