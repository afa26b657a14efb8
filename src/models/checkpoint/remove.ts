/**
 * Removing checkpoints, or what only continuing needs of them, so that a kill at any moment leaves whole ones.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { type Manifest, MANIFEST_FILE, OPTIMIZER_FILE, readManifest } from "./manifest.ts";

/** Names of what is on its way out; a trainer removes them too, with what else a kill left. */
const CONDEMNED = /^\.checkpoint-\d+\.part\.trash$/;

/**
 * Takes the checkpoint in `path` out of sight by renaming it, and returns the new path, which is to be removed;
 * `undefined` if it is no longer there. The caller holds the lock of the checkpoints.
 */
export async function condemnCheckpoint(path: string): Promise<string | undefined> {
  const condemned = join(dirname(path), `.${basename(path)}.part.trash`);
  await removeIfThere(condemned);
  try {
    await Deno.rename(path, condemned);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("remove", path, error);
  }
  return condemned;
}

/** Returns the paths of what a kill left of removing checkpoints in the folder `checkpoints`. */
export async function listCondemned(checkpoints: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(checkpoints)) {
      if (isDirectory && CONDEMNED.test(name)) found.push(join(checkpoints, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", checkpoints, error);
  }
  return found.sort();
}

/**
 * Removes the optimizer's state of the checkpoint in `path`, which opens as a model from then on. The manifest goes
 * first: a kill in between leaves a file that the next call removes. The caller holds the lock of the checkpoints.
 *
 * @throws {UserError} If the disk has no room for the manifest or cannot be written; nothing is changed then.
 */
export async function dropOptimizer(path: string): Promise<void> {
  const { format, files, dropped = [] } = await readManifest(path);
  if (Object.hasOwn(files, OPTIMIZER_FILE)) {
    const { [OPTIMIZER_FILE]: _, ...kept } = files;
    const manifest: Manifest = { format, files: kept, dropped: [...dropped, OPTIMIZER_FILE] };
    await writeFileAtomic(
      join(path, MANIFEST_FILE),
      `${JSON.stringify(manifest, null, 2)}\n`,
    );
  }
  await removeIfThere(join(path, OPTIMIZER_FILE));
}
