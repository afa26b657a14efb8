/**
 * Blobs as files of a folder.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { removeIfThere, syncFolder, writeSynced } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import type { BlobEntry, BlobStore } from "./blob_store.ts";

/** What files are called while they are written. */
const PART = /\.part$/;

/** Returns the store in `folder`, which need not be there yet. */
export function folderStore(folder: string): BlobStore {
  const pathOf = (key: string) => join(folder, ...key.split("/"));
  return {
    name: folder,
    graceMs: 0, // its lock keeps others out
    async *list(prefix) {
      for await (const [key, path] of filesBelow(folder, "")) {
        if (!key.startsWith(prefix) || PART.test(key)) continue;
        const entry = await measure(key, path);
        if (entry !== undefined) yield entry;
      }
    },
    async get(key) {
      try {
        return await Deno.readFile(pathOf(key));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw fileError("read", pathOf(key), error);
      }
    },
    async put(key, bytes) {
      const path = pathOf(key);
      const part = join(dirname(path), `.${basename(path)}.part`);
      try {
        await Deno.mkdir(dirname(path), { recursive: true });
        await writeSynced(part, bytes);
        await Deno.rename(part, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await removeIfThere(part);
        throw fileError("write", path, error);
      }
    },
    remove: (key) => removeIfThere(pathOf(key)),
    async tidy() {
      for await (const [key, path] of filesBelow(folder, "")) {
        if (PART.test(key)) await removeIfThere(path);
      }
    },
  };
}

async function* filesBelow(folder: string, prefix: string): AsyncGenerator<[string, string]> {
  try {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) yield* filesBelow(path, `${prefix}${name}/`);
      else if (isFile) yield [`${prefix}${name}`, path];
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", folder, error);
  }
}

async function measure(key: string, path: string): Promise<BlobEntry | undefined> {
  try {
    const { size, mtime } = await Deno.lstat(path);
    return { key, sizeBytes: size, writtenAtMs: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}
