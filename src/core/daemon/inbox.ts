/**
 * The inbox: a folder whose files are taken once they are whole.
 *
 * @module
 */

import { basename, dirname, join, relative } from "node:path";
import { removeIfThere } from "../../utils/atomic_file.ts";
import type { Clock } from "../../utils/clock.ts";
import { fileError } from "../../utils/file_error.ts";

/** A file that has arrived. */
export interface ArrivedFile {
  /** Where it is. */
  readonly path: string;
  /** Its path inside the inbox, with `/`. */
  readonly name: string;
}

/** Options of {@linkcode createInbox}. */
export interface InboxOptions {
  /** How long a file must have stayed the same. */
  readonly settleMs: number;
  /** Reads the time. */
  readonly clock: Clock;
}

/** Looks into the inbox. */
export interface Inbox {
  /** Returns the files that are whole now, those that came first first. */
  arrived(): Promise<readonly ArrivedFile[]>;
  /** Whether the last look saw files that are not whole yet. */
  readonly isWaiting: boolean;
}

interface Seen {
  readonly size: number;
  readonly mtimeMs: number;
  readonly sinceMs: number;
}

/** A file whose last line is cut off is taken all the same after so long: nobody goes on writing it. */
const CUT_OFF_MS = 60_000;

/** Names by which programs mark what they have not copied to its end. */
const UNFINISHED = /(?:^\.|\.(?:part|tmp|temp|crdownload|download|partial|swp|filepart)$|~$)/i;

/** Data that is a list of lines, of which the last may be cut off. */
const LINES = /\.(?:jsonl|ndjson)$/i;

/** Other data; `.json` is for side-cars. */
const DATA = /\.(?:csv|tsv|txt|parquet|(?:jsonl|ndjson|csv|tsv|txt)\.(?:gz|zst))$/i;

/** Whether a file of this name is data. */
export function isDataFile(name: string): boolean {
  return (LINES.test(name) || DATA.test(name)) && !UNFINISHED.test(name);
}

/** Creates what looks into the folder `folder`; the folder is made if it is not there. */
export function createInbox(folder: string, { settleMs, clock }: InboxOptions): Inbox {
  let seen = new Map<string, Seen>();
  let isWaiting = false;
  return {
    get isWaiting() {
      return isWaiting;
    },
    async arrived() {
      await Deno.mkdir(folder, { recursive: true });
      const now = clock();
      const next = new Map<string, Seen>();
      const arrived: (ArrivedFile & { readonly mtimeMs: number })[] = [];
      isWaiting = false;
      for await (const path of dataFiles(folder)) {
        const info = await statIfThere(path);
        if (info === undefined || !info.isFile) continue;
        const { size, mtimeMs } = info;
        const before = seen.get(path);
        const isSame = before?.size === size && before.mtimeMs === mtimeMs;
        const sinceMs = isSame ? before.sinceMs : now;
        next.set(path, { size, mtimeMs, sinceMs });
        const restMs = now - sinceMs;
        const isWhole = isSame && restMs >= settleMs &&
          (restMs >= CUT_OFF_MS || !LINES.test(path) || await endsWithLine(path, size));
        if (isWhole) {
          arrived.push({ path, mtimeMs, name: relative(folder, path).replaceAll("\\", "/") });
        } else isWaiting = true;
      }
      seen = next;
      return arrived.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.name < b.name ? -1 : 1));
    },
  };
}

/** The folder of the inbox for files that are being taken: out of the way of others that come by the same name. */
const TAKING_FOLDER = ".taking";

/** A file that is being taken. */
export interface TakenFile extends ArrivedFile {
  /** The folder that holds it alone, with its side-car; it is removed in the end. */
  readonly folder: string;
}

/** Puts a file that has arrived where nobody else writes; what lies beside it comes along. */
export async function setAside(
  inbox: string,
  { path, name }: ArrivedFile,
  { order, beside }: { readonly order: number; readonly beside: readonly string[] },
): Promise<void> {
  const id = `${String(order).padStart(15, "0")}-${crypto.randomUUID()}`;
  const target = join(inbox, TAKING_FOLDER, id, name);
  await Deno.mkdir(dirname(target), { recursive: true });
  for (const each of beside) await Deno.rename(each, join(dirname(target), basename(each)));
  await Deno.rename(path, target);
  await removeEmpty(dirname(path), inbox);
}

/** Lists the files that are being taken, those of a daemon that died meanwhile included. */
export async function filesAside(inbox: string): Promise<readonly TakenFile[]> {
  const taking = join(inbox, TAKING_FOLDER);
  const found: TakenFile[] = [];
  for (const id of await namesIn(taking)) {
    const folder = join(taking, id);
    const before = found.length;
    for await (const path of dataFiles(folder)) {
      found.push({ folder, path, name: relative(folder, path).replaceAll("\\", "/") });
    }
    if (found.length === before) await putBack(folder, inbox);
  }
  return found;
}

/** Puts a side-car back whose file was not set aside any more. */
async function putBack(folder: string, inbox: string): Promise<void> {
  for await (const path of allFiles(folder)) {
    const target = join(inbox, relative(folder, path));
    if (await statIfThere(target) !== undefined) continue; // a newer one
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.rename(path, target);
  }
  await removeIfThere(folder);
}

/** Removes the folders from `folder` upwards that are empty, but not `inbox`. */
async function removeEmpty(folder: string, inbox: string): Promise<void> {
  for (let at = folder; at !== inbox && at.startsWith(inbox); at = dirname(at)) {
    try {
      await Deno.remove(at); // fails unless it is empty
    } catch {
      return;
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("list", folder, error);
  }
}

async function* dataFiles(folder: string): AsyncGenerator<string, void> {
  for await (const path of allFiles(folder)) if (isDataFile(basename(path))) yield path;
}

async function* allFiles(folder: string): AsyncGenerator<string, void> {
  try {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      if (UNFINISHED.test(name)) continue;
      if (isDirectory) yield* allFiles(join(folder, name));
      else if (isFile) yield join(folder, name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", folder, error);
  }
}

async function statIfThere(
  path: string,
): Promise<{ size: number; mtimeMs: number; isFile: boolean } | undefined> {
  try {
    const { size, mtime, isFile } = await Deno.stat(path);
    return { size, mtimeMs: mtime?.getTime() ?? 0, isFile };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

const MAX_LAST_LINE = 1 << 20;

/** Whether a file ends with a line break, or with a line that is whole JSON. */
async function endsWithLine(path: string, size: number): Promise<boolean> {
  if (size === 0) return false;
  try {
    using file = await Deno.open(path);
    const length = Math.min(size, MAX_LAST_LINE);
    await file.seek(size - length, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const count = await file.read(bytes.subarray(at));
      if (count === null) break;
      at += count;
    }
    if (bytes[at - 1] === 10) return true;
    JSON.parse(new TextDecoder().decode(bytes.subarray(bytes.lastIndexOf(10) + 1, at)));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) return false;
    throw fileError("read", path, error);
  }
}
