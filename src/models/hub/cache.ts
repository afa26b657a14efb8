/**
 * The cache that Hugging Face's tools share. Of each repository: `blobs/` has the files by their checksum,
 * `snapshots/<commit>/` has their names as links to blobs, `refs/` says which commit a branch stands for.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  CONFIG_FILE,
  WEIGHTS_FILE,
  WEIGHTS_INDEX_FILE,
} from "./files.ts";
import { type HubReference, isCommit } from "./reference.ts";

/** Where a repository lies in the cache. */
export interface RepositoryFolders {
  /** Files by checksum. */
  readonly blobs: string;
  /** The commit of each branch and tag. */
  readonly refs: string;
  /** The files of each commit. */
  readonly snapshots: string;
  /** Files that are locked while a blob is being downloaded. */
  readonly locks: string;
}

/** Returns where `repository` lies in `cache`, whether it is there or not. */
export function repositoryFolders(cache: string, repository: string): RepositoryFolders {
  const name = `models--${repository.replace("/", "--")}`;
  return {
    blobs: join(cache, name, "blobs"),
    refs: join(cache, name, "refs"),
    snapshots: join(cache, name, "snapshots"),
    locks: join(cache, ".locks", name),
  };
}

/** Returns the folder of a downloaded state, `undefined` if nothing of it is there. */
export function cachedSnapshot(
  cache: string,
  { repository, revision }: HubReference,
): string | undefined {
  const { refs, snapshots } = repositoryFolders(cache, repository);
  const commit = isCommit(revision) ? revision : readRef(join(refs, revision));
  if (commit === undefined) return undefined;
  const folder = join(snapshots, commit);
  return existsSync(folder) ? folder : undefined;
}

/** Whether `folder` has a configuration and all the weights that belong to it, of a model or an adapter. */
export function isWholeModel(folder: string): boolean {
  if (!existsSync(join(folder, CONFIG_FILE))) {
    return [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE].every((it) => existsSync(join(folder, it)));
  }
  if (existsSync(join(folder, WEIGHTS_FILE))) return true;
  const index = join(folder, WEIGHTS_INDEX_FILE);
  if (!existsSync(index)) return false;
  try {
    const { weight_map } = JSON.parse(readFileSync(index, "utf8"));
    return Object.values(weight_map).every((name) => existsSync(join(folder, String(name))));
  } catch {
    return false; // what is wrong with it is said where it is opened
  }
}

/** Remembers which commit a branch or tag stands for. */
export async function writeRef(path: string, commit: string): Promise<void> {
  if (readRef(path) === commit) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  const part = `${path}.${crypto.randomUUID()}.part`; // two processes may do this at once
  await Deno.writeTextFile(part, commit);
  await Deno.rename(part, path);
}

/** Gives a blob the name `path` in a snapshot; does nothing if it has it. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const target = relative(dirname(path), blob);
  try {
    await Deno.symlink(target, path, { type: "file" });
    return;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      if (existsSync(path)) return;
      await Deno.remove(path); // a link to a blob that was removed
      return await linkBlob(blob, path);
    }
    if (Deno.build.os !== "windows") throw error;
  }
  // Windows lets only some users make symbolic links
  await Deno.link(blob, path).catch(() => Deno.copyFile(blob, path));
}

function readRef(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
