/**
 * Writes a backup out: beside its place, every piece verified, and only then under its name.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { removeIfThere, syncFolder, writeSynced } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { exchangeFolders } from "../../utils/exchange_folders.ts";
import { fileError } from "../../utils/file_error.ts";
import { readObject, readTree } from "./read_tree.ts";
import type { Repository } from "./repository.ts";
import type { NamedSnapshot } from "./snapshot.ts";
import type { FileEntry, TreeEntry } from "./tree.ts";

/** Options of {@linkcode restoreBackup}. */
export interface RestoreOptions {
  /** The folder that the home becomes. */
  readonly to: string;
  /** The only paths within the home that are restored. @default {all} */
  readonly only?: readonly string[] | undefined;
  /** Whether a folder that is there is put aside; without it, that is an error. @default {false} */
  readonly replace?: boolean;
  /** Ends it; nothing is changed then. */
  readonly signal?: AbortSignal | undefined;
}

/** What was restored. */
export interface RestoredBackup {
  /** The folder. */
  readonly path: string;
  /** Where the folder lies now that was there before; null if there was none. */
  readonly before: string | null;
  /** How many files it has. */
  readonly files: number;
  /** Their size. */
  readonly sizeBytes: number;
}

/**
 * Restores a backup. The place changes from what was there to all of the backup at once; if a piece is missing or
 * damaged, or the disk is full, it stays as it was.
 *
 * @throws {UserError} If that is so, or something is in the place.
 */
export async function restoreBackup(
  repository: Repository,
  { snapshot, ...options }: RestoreOptions & { readonly snapshot: NamedSnapshot },
): Promise<RestoredBackup> {
  const { to, only, replace = false, signal } = options;
  const isThere = await isFilled(to);
  if (isThere && !replace) {
    throw new UserError(
      `Cannot restore to "${to}": something is there already; choose another place, or add --replace to put it aside`,
    );
  }
  const tree = wantedOf(await readTree(repository, snapshot), { only, id: snapshot.id });
  const part = join(dirname(to), `.${basename(to)}.restore.part`);
  try {
    await Deno.mkdir(dirname(to), { recursive: true });
    await removeIfThere(part);
    await Deno.mkdir(part);
    for (const entry of tree) {
      signal?.throwIfAborted();
      await restoreEntry(entry, { part, repository });
    }
    // once all is written: a folder that nobody may write into could not be filled
    for (const entry of tree.toReversed()) {
      if (entry.kind === "folder") {
        await setMode(join(part, ...entry.path.split("/")), entry.mode | 0o700);
      }
    }
    await syncFolder(part);
    const before = isThere ? await putAside(part, { to, id: snapshot.id }) : await moveIn(part, to);
    await syncFolder(dirname(to));
    const files = tree.filter((entry): entry is FileEntry => entry.kind === "file");
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return { path: to, before, files: files.length, sizeBytes };
  } catch (error) {
    await removeIfThere(part);
    throw fileError("write", to, error);
  }
}

async function restoreEntry(
  entry: TreeEntry,
  { part, repository }: { readonly part: string; readonly repository: Repository },
): Promise<void> {
  const path = join(part, ...entry.path.split("/"));
  switch (entry.kind) {
    case "folder":
      return await Deno.mkdir(path);
    case "link":
      return await Deno.symlink(entry.target, path);
    case "file": {
      let sizeBytes = 0;
      await writeSynced(path, async (sink) => {
        for (const id of entry.chunks) {
          const content = await readObject(repository, id);
          sizeBytes += content.length;
          await sink.write(content);
        }
      });
      if (sizeBytes !== entry.sizeBytes) {
        throw new UserError(
          `Cannot restore "${entry.path}": its pieces have ${sizeBytes} bytes instead of ${entry.sizeBytes}`,
        );
      }
      await setMode(path, entry.mode);
      if (entry.mtimeMs >= 0) {
        await Deno.utime(path, new Date(entry.mtimeMs), new Date(entry.mtimeMs));
      }
    }
  }
}

async function setMode(path: string, mode: number): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(path, mode);
}

function wantedOf(
  tree: readonly TreeEntry[],
  { only, id }: { readonly only: readonly string[] | undefined; readonly id: string },
): readonly TreeEntry[] {
  if (only === undefined) return tree;
  const wanted = only.map((path) => path.replace(/\/+$/, ""));
  const missing = wanted.find((path) => !tree.some((entry) => entry.path === path));
  if (missing !== undefined) {
    throw new UserError(`Cannot restore "${missing}": backup ${id} does not hold it`);
  }
  return tree.filter(({ path }) =>
    wanted.some((it) => path === it || path.startsWith(`${it}/`) || it.startsWith(`${path}/`))
  );
}

async function isFilled(path: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(path)) return true;
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError("write", path, error);
  }
}

async function moveIn(part: string, to: string): Promise<null> {
  await removeIfThere(to); // an empty folder at most
  await Deno.rename(part, to);
  return null;
}

async function putAside(
  part: string,
  { to, id }: { readonly to: string; readonly id: string },
): Promise<string> {
  const before = join(dirname(to), `${basename(to)}.before-${id}`);
  if (await isFilled(before)) {
    throw new UserError(`Cannot restore to "${to}": "${before}" is in the way; move it elsewhere`);
  }
  if (exchangeFolders(part, to)) {
    await Deno.rename(part, before);
    return before;
  }
  await Deno.rename(to, before);
  try {
    await Deno.rename(part, to);
  } catch (error) {
    await Deno.rename(before, to);
    throw error;
  }
  return before;
}
