/**
 * Walks through a home, folder by folder, and yields what a backup of it holds.
 *
 * @module
 */

import { join, relative, resolve, sep } from "node:path";
import { checkpointsFolder } from "../../models/checkpoint/list.ts";
import { lockCheckpoints } from "../../models/checkpoint/lock.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { homePaths } from "../../utils/paths.ts";

/** A file, folder or link of a home. */
export interface ScannedEntry {
  /** What it is. */
  readonly kind: "file" | "folder" | "link";
  /** Its path within the home, with slashes. */
  readonly path: string;
  /** Its absolute path. */
  readonly source: string;
}

/** Options of {@linkcode scanHome}. */
export interface ScanOptions {
  /** The only paths within the home that are wanted; null wants all. */
  readonly include: readonly string[] | null;
  /** Paths within the home that are not wanted. */
  readonly exclude: readonly string[];
  /** Ends the walk. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Folders of a home that are of no use elsewhere: what tells a daemon what to do, and its lock, key and logs; tokens
 * that are made anew from the data.
 * Backups of backups would grow without end.
 */
const LEFT_OUT = ["backups", "control", "daemon", "data/tokens"] as const;

/** What a database of SQLite begins with. */
const SQLITE_START = "SQLite format 3\0";

/** Names of what is being written, of locks, and of what belongs to an open database. */
const PASSING =
  /^\..*\.lock$|^(?:run)?\.lock$|\.part$|^\..*\.part\b|^backup_state\.json$|\.(?:sqlite3?|db)-(?:wal|shm|journal)$/;

/**
 * Yields what is in the home, each folder before what is in it, by name. While the checkpoints of a run are walked
 * through, nobody removes them.
 */
export async function* scanHome(
  home: string,
  options: ScanOptions,
): AsyncGenerator<ScannedEntry, void> {
  const { include, exclude, signal } = options;
  const without = new Set([...LEFT_OUT, ...exclude.map(plainPath)]);
  const wanted = include?.map(plainPath);
  const isWanted = (path: string) =>
    wanted === undefined ||
    wanted.some((it) => it === "" || path === it || path.startsWith(`${it}/`));
  const leadsThere = (path: string) => wanted?.some((it) => it.startsWith(`${path}/`)) ?? false;
  const { runs } = homePaths(home);

  const visit = async function* (folder: string): AsyncGenerator<ScannedEntry, void> {
    const isRun = folder.startsWith(`${runs}${sep}`) && await isFolder(checkpointsFolder(folder));
    using _lock = isRun ? await lockWhereWritable(folder, signal) : undefined;
    for (const { name, isDirectory, isFile, isSymlink } of await listFolder(folder)) {
      signal?.throwIfAborted();
      const source = join(folder, name);
      const path = relative(home, source).split(sep).join("/");
      if (PASSING.test(name) || without.has(path) || !(isWanted(path) || leadsThere(path))) {
        continue;
      }
      if (isDirectory) {
        yield { kind: "folder", path, source };
        yield* visit(source);
      } else if (isWanted(path)) {
        if (isSymlink) yield { kind: "link", path, source };
        else if (isFile) yield { kind: "file", path, source };
      }
    }
  };
  yield* visit(resolve(home));
}

/** Returns the path of `inner` within `home`, as {@linkcode ScanOptions} wants it; `undefined` if it lies elsewhere. */
export function pathWithin(home: string, inner: string): string | undefined {
  const path = relative(home, inner).split(sep).join("/");
  return path === "" || path === ".." || path.startsWith("../") || resolve(path) === path
    ? undefined
    : path;
}

/** Whether a file is a database of SQLite, into which others may be writing. */
export async function isDatabase(path: string): Promise<boolean> {
  if (!/\.(?:sqlite3?|db)$/.test(path)) return false;
  using file = await Deno.open(path);
  const start = new Uint8Array(SQLITE_START.length);
  await file.read(start);
  return new TextDecoder().decode(start) === SQLITE_START;
}

/** Nobody removes checkpoints where nobody can write. */
async function lockWhereWritable(
  run: string,
  signal: AbortSignal | undefined,
): Promise<Disposable | undefined> {
  try {
    return await lockCheckpoints(run, { shared: true, signal });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function plainPath(path: string): string {
  return path.replaceAll("\\", "/").split("/").filter((part) => part !== "" && part !== ".").join(
    "/",
  );
}

async function listFolder(folder: string): Promise<readonly Deno.DirEntry[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // removed since it was listed
    throw fileError("list", folder, error);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isDirectory;
  } catch {
    return false;
  }
}
