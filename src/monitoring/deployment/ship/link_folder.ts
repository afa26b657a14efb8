/**
 * A model in a folder of this machine, by hard links: it takes no room, and stays when its source goes.
 *
 * @module
 */

import { join } from "node:path";
import { hashFile } from "../../../datasets/sources/hash_file.ts";
import { writeFolderAtomic } from "../../../utils/atomic_file.ts";
import { UserError } from "../../../utils/errors.ts";
import { fileError } from "../../../utils/file_error.ts";
import type { ShippedPart } from "../model_parts.ts";

/** Where a folder is to be. */
export interface LinkOptions {
  /** The folder that it is to lie in. */
  readonly root: string;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/**
 * Makes the folder of `part` in `root`, by hard links, or by copies where the file systems differ. One that is there
 * with the same content stays; one that is damaged is made anew.
 *
 * @throws {UserError} If there is no such root, it cannot be written, or a source has changed.
 */
export async function linkFolder(part: ShippedPart, { root, signal }: LinkOptions): Promise<void> {
  await requireFolder(root);
  const target = join(root, part.folder);
  if (await isWhole(part, { folder: target, signal })) return;
  await writeFolderAtomic(target, async (temporary) => {
    for (const { source, path } of part.files) {
      signal.throwIfAborted();
      await linkOrCopy(source, join(temporary, path));
    }
    if (await isWhole(part, { folder: temporary, signal })) return;
    throw new UserError(
      `Cannot ship "${part.folder}": its files have changed since they were hashed; deploy again`,
    );
  });
}

async function requireFolder(root: string): Promise<void> {
  try {
    if ((await Deno.stat(root)).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("read", root, error);
  }
  throw new UserError(
    `Cannot ship to "${root}": there is no such folder; it must be the model root of the host`,
  );
}

async function isWhole(
  { files }: ShippedPart,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<boolean> {
  for (const { path, bytes, sha256 } of files) {
    const place = join(folder, path);
    try {
      if ((await Deno.stat(place)).size !== bytes) return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw fileError("read", place, error);
    }
    if (await hashFile(place, { signal }) !== sha256) return false;
  }
  return true;
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  // of the hub's cache, files are symbolic links, which would be linked themselves
  const real = await Deno.realPath(source);
  try {
    await Deno.link(real, target);
  } catch {
    try {
      await Deno.copyFile(real, target); // another file system, or one without links
    } catch (error) {
      throw fileError("write", target, error);
    }
  }
}
