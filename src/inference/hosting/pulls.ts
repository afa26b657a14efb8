/**
 * Folders that a server fetches into its model root.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { removeIfThere, syncFolder } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { formatBytes } from "../../utils/format.ts";
import { createMutex } from "../../utils/mutex.ts";
import { fetchFile, type FetchFileOptions, hasContent, incompleteOf } from "./fetch_file.ts";
import { HostError } from "./host_error.ts";
import { newPlaceInRoot } from "./model_root.ts";
import { checkPull, type PullSpec } from "./pull_spec.ts";

/** Options of {@linkcode Pulls}. */
export interface PullsOptions extends Pick<FetchFileOptions, "attempts" | "minDelayMs"> {
  /** The folder into which others are fetched. */
  readonly root: string;
}

/** A folder that is fetched. */
export interface Pull {
  /** Its path below the model root. */
  readonly folder: string;
  /** Where it lies, or will lie. */
  readonly path: string;
  /** How many files it has. */
  readonly files: number;
  /** Bytes of all its files. */
  readonly bytes: number;
  /** Of these, bytes that are there. */
  readonly doneBytes: number;
}

/** The folders that are fetched. */
export class Pulls implements Disposable {
  readonly #options: PullsOptions;
  readonly #mutex = createMutex();
  readonly #running = new Map<string, { pull: Pull; readonly controller: AbortController }>();
  readonly #ended = new AbortController();

  /** Begins with none. */
  constructor(options: PullsOptions) {
    this.#options = options;
  }

  /** Those that are under way. */
  get running(): readonly Pull[] {
    return [...this.#running.values()].map(({ pull }) => pull);
  }

  /**
   * Fetches a folder, which appears whole, and returns whether it is new; of what was begun before only the rest is
   * fetched. It goes on though who asked leaves, and who asks again waits for the same.
   *
   * @throws {HostError} If it cannot be fetched, is not what was announced, or another folder has its name.
   */
  pull(spec: PullSpec): Promise<{ readonly pull: Pull; readonly isNew: boolean }> {
    checkPull(spec);
    return this.#mutex.run(spec.folder, async () => {
      const { root } = this.#options;
      const path = await newPlaceInRoot(spec.folder, { root, param: "folder" });
      const bytes = spec.files.reduce((sum, file) => sum + file.bytes, 0);
      const pull = { folder: spec.folder, path, files: spec.files.length, bytes, doneBytes: bytes };
      if (await exists(path)) {
        if (await isSame(path, spec)) return { pull, isNew: false };
        throw new HostError(
          "folder_exists",
          `Cannot fetch "${spec.folder}": there is a folder of this name with other content; choose another name`,
          { param: "folder" },
        );
      }
      const controller = new AbortController();
      this.#running.set(spec.folder, { pull: { ...pull, doneBytes: 0 }, controller });
      const signal = AbortSignal.any([controller.signal, this.#ended.signal]);
      try {
        await this.#fetch(spec, { path, signal });
        return { pull, isNew: true };
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new HostError("fetch_failed", `Cannot fetch "${spec.folder}": it was called off`);
      } finally {
        this.#running.delete(spec.folder);
      }
    });
  }

  /**
   * Calls a pull off and removes what was fetched of it; a folder that is there whole stays.
   *
   * @throws {HostError} If nothing of it is there.
   */
  async remove(folder: string): Promise<void> {
    const { root } = this.#options;
    const part = partOf(await newPlaceInRoot(folder, { root, param: "folder" }));
    this.#running.get(folder)?.controller.abort();
    await this.#mutex.run(folder, async () => {
      if (!await exists(part)) {
        throw new HostError("pull_not_found", `There is nothing of a pull of "${folder}"`);
      }
      await removeIfThere(part);
    });
  }

  /** Calls all off; what is there is taken up again when they are asked for. */
  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #fetch(
    { folder, files }: PullSpec,
    { path, signal }: { readonly path: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const part = partOf(path);
    await prepare(part, files.map((file) => file.path));
    await requireRoom(part, { folder, files });
    let before = 0;
    for (const file of files) {
      const onBytes = (bytes: number) => {
        const running = this.#running.get(folder);
        if (running !== undefined) running.pull = { ...running.pull, doneBytes: before + bytes };
      };
      await fetchFile(file, part, { ...this.#options, signal, onBytes });
      before += file.bytes;
    }
    for (const each of await foldersIn(part)) await syncFolder(each);
    try {
      await Deno.rename(part, path);
    } catch (error) {
      throw fileError("write", path, error);
    }
    await syncFolder(dirname(path));
  }
}

/** Makes the folder, without anything that does not belong there. */
async function prepare(part: string, paths: readonly string[]): Promise<void> {
  const wanted = new Set(paths.flatMap((path) => [path, incompleteOf(path)]));
  try {
    await Deno.mkdir(part, { recursive: true });
    for (const path of await filesIn(part)) {
      if (!wanted.has(path)) await Deno.remove(join(part, path));
    }
  } catch (error) {
    throw fileError("write", part, error);
  }
}

function partOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.pull`);
}

/** Whether the folder at `path` has these files and no others. */
async function isSame(path: string, { files }: PullSpec): Promise<boolean> {
  const there = await filesIn(path);
  if (there.length !== files.length) return false;
  for (const file of files) {
    if (!await hasContent(join(path, file.path), file)) return false;
  }
  return true;
}

/** @throws {HostError} If the disk has no room for what is missing. */
async function requireRoom(part: string, { folder, files }: PullSpec): Promise<void> {
  let missing = 0;
  for (const { path, bytes } of files) {
    const sizes = await Promise.all(
      [path, incompleteOf(path)].map((each) => sizeOf(join(part, each))),
    );
    missing += Math.max(0, bytes - Math.max(...sizes));
  }
  const { bavail, bsize } = await statfs(part);
  if (missing <= bavail * bsize) return;
  throw new HostError(
    "disk_full",
    `Cannot fetch "${folder}": it needs ${formatBytes(missing)}, the disk has ${
      formatBytes(bavail * bsize)
    } left`,
  );
}

async function sizeOf(path: string): Promise<number> {
  return await Deno.lstat(path).then(({ size }) => size, () => 0);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** The files in a folder and its folders, relative to it. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const each of await foldersIn(folder)) {
    for await (const { name, isDirectory } of Deno.readDir(each)) {
      if (!isDirectory) files.push(relative(folder, join(each, name)).replaceAll("\\", "/"));
    }
  }
  return files;
}

/** A folder and all folders in it. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  const folders = [folder];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) folders.push(...await foldersIn(join(folder, name)));
  }
  return folders;
}
