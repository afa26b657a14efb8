/**
 * Files and folders that appear whole: written beside their name, synced, then renamed. A process that is
 * killed, or a disk that is full, leaves what was there before.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "./errors.ts";
import { fileError, isDiskFull } from "./file_error.ts";
import { formatBytes } from "./format.ts";

/** Takes the bytes of a file, in order. */
export interface ByteSink {
  /** Appends `bytes`, which may change once the promise is fulfilled. */
  write(bytes: Uint8Array): Promise<void>;
}

/** The content of a file, or a function that writes it piece by piece. */
export type FileContent = Uint8Array | string | ((sink: ByteSink) => Promise<void>);

/**
 * Writes a file; readers see the old one or the new one. Two writers of one path must not overlap.
 *
 * @throws {UserError} If the disk is full or the place cannot be written; `path` is then unchanged.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const part = `${path}.part`;
  try {
    await writeSynced(part, content);
    await Deno.rename(part, path);
    await syncFolder(dirname(resolve(path)));
  } catch (error) {
    await removeIfThere(part);
    throw fileError("write", path, error);
  }
}

/**
 * Writes a file and waits until it is on disk, with nothing done to make it appear whole: for the files
 * inside a folder that does.
 *
 * @throws {UserError} If the disk is full or the place cannot be written.
 */
export async function writeSynced(path: string, content: FileContent): Promise<void> {
  let written = 0;
  try {
    using file = await Deno.create(path);
    const sink: ByteSink = {
      async write(bytes) {
        let at = 0;
        while (at < bytes.length) at += await file.write(bytes.subarray(at));
        written += bytes.length;
      },
    };
    if (typeof content === "function") await content(sink);
    else {await sink.write(
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );}
    await file.sync();
  } catch (error) {
    throw isDiskFull(error)
      ? await diskFull(path, written, error)
      : fileError("write", path, error);
  }
}

/** The name under which {@linkcode writeFolderAtomic} prepares the folder `path`. */
export function temporaryFolder(path: string): string {
  return join(dirname(path), `.${basename(path)}.part`);
}

/**
 * Writes a folder: `write` fills a temporary one beside it, which then takes the name `path`. A folder that
 * is already there is replaced.
 *
 * @throws {UserError} If the disk is full or the place cannot be written; `path` is then unchanged.
 */
export async function writeFolderAtomic(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryFolder(path);
  const parent = dirname(temporary);
  try {
    await Deno.mkdir(parent, { recursive: true });
    await removeIfThere(temporary);
    await Deno.mkdir(temporary);
    await write(temporary);
    await syncFolder(temporary);
    await replaceFolder(temporary, path);
    await syncFolder(parent);
  } catch (error) {
    await removeIfThere(temporary);
    throw fileError("write", path, error);
  }
}

/** Removes a file or a folder with all it holds; does nothing if there is none. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw fileError("remove", path, error);
    }
  }
}

/** No system renames one full folder onto another, so the old one steps aside first. */
async function replaceFolder(temporary: string, path: string): Promise<void> {
  const old = `${temporary}.old`;
  await removeIfThere(old);
  try {
    await Deno.rename(path, old);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.rename(temporary, path);
  await removeIfThere(old);
}

/** Makes renames inside `path` survive a power failure. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return; // folders cannot be opened there
  using folder = await Deno.open(path);
  await folder.sync();
}

async function diskFull(path: string, written: number, cause: unknown): Promise<UserError> {
  const free = await freeBytes(dirname(resolve(path)));
  const left = free === undefined ? "" : ` and ${formatBytes(free)} are left`;
  return new UserError(
    `Cannot write "${path}": the disk is full after ${formatBytes(written)} of it${left}; ` +
      "free some space or choose another place",
    { cause },
  );
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined; // only an addition to a message
  }
}
