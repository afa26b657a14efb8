/**
 * Makes one backup: only what the store does not have is written, and the record that makes it one comes last.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { removeIfThere } from "../../utils/atomic_file.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { type ObjectWriter, openObjectWriter } from "./object_writer.ts";
import { readTree } from "./read_tree.ts";
import type { Repository } from "./repository.ts";
import { isDatabase, scanHome, type ScannedEntry, type ScanOptions } from "./scan_home.ts";
import {
  encodeSnapshot,
  type NamedSnapshot,
  readSnapshots,
  SNAPSHOT_FORMAT,
  snapshotBlob,
} from "./snapshot.ts";
import type { FileEntry, TreeEntry } from "./tree.ts";

/** Options of {@linkcode createBackup}. */
export interface CreateBackupOptions extends ScanOptions {
  /** The home. */
  readonly home: string;
  /** Ids of objects that were found damaged. */
  readonly damaged: ReadonlySet<string>;
  /** How hard zstd tries. */
  readonly level: number;
  /** The time. */
  readonly nowMs: number;
  /** Only tell what would be written. */
  readonly dryRun: boolean;
  /** Told of what is odd. */
  readonly onWarning: (message: string) => void;
}

/** A backup that was made. */
export interface CreatedBackup {
  /** Its record. */
  readonly snapshot: NamedSnapshot;
  /** What it holds. */
  readonly tree: readonly TreeEntry[];
}

/**
 * Makes a backup of a home.
 *
 * @throws {UserError} If a file cannot be read, or the store cannot be written; earlier backups stay as they are.
 */
export async function createBackup(
  repository: Repository,
  options: CreateBackupOptions,
): Promise<CreatedBackup> {
  const { home, damaged, level, nowMs, dryRun, onWarning, signal } = options;
  const { store, config } = repository;
  const { whole, broken } = await readSnapshots(store);
  for (const { problem } of broken) onWarning(problem);
  const named = new Map(whole.flatMap(({ objects }) => Object.entries(objects)));
  const writer = await openObjectWriter(repository, { named, damaged, level, dryRun, signal });
  const before = await filesBefore(repository, whole.at(-1));
  const read: ReadOptions = { writer, before, chunkBytes: config.chunk_bytes, onWarning };

  const tree: TreeEntry[] = [];
  for await (const entry of scanHome(home, options)) {
    const saved = await save(entry, read);
    if (saved !== undefined) tree.push(saved);
  }
  const ids = await addContent(new TextEncoder().encode(JSON.stringify(tree)), read);
  await writer.settle();
  const files = tree.filter((entry): entry is FileEntry => entry.kind === "file");
  const { id, bytes } = encodeSnapshot({
    format: SNAPSHOT_FORMAT,
    created_at: new Date(timeAfter(whole.at(-1), nowMs)).toISOString(),
    home,
    files: files.length,
    size_bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    new_bytes: writer.newBytes,
    tree: ids,
    objects: Object.fromEntries([...writer.objects].sort(([a], [b]) => a < b ? -1 : 1)),
  });
  if (!dryRun) {
    await store.put(snapshotBlob(id), bytes);
    const written = await readSnapshots(store);
    if (!written.whole.some((snapshot) => snapshot.id === id)) {
      throw new UserError(
        `Cannot back up to "${store.name}": ${
          snapshotBlob(id)
        } reads otherwise than it was written`,
      );
    }
  }
  const record = JSON.parse(new TextDecoder().decode(bytes));
  return { snapshot: { id, ...record }, tree };
}

/** The newest backup is that of the latest time, whatever the clock was set to meanwhile. */
function timeAfter(before: NamedSnapshot | undefined, nowMs: number): number {
  return before === undefined ? nowMs : Math.max(nowMs, Date.parse(before.created_at) + 1);
}

interface ReadOptions {
  readonly writer: ObjectWriter;
  readonly before: ReadonlyMap<string, FileEntry>;
  readonly chunkBytes: number;
  readonly onWarning: (message: string) => void;
}

/** The files of the backup before, by path; none where nothing that was given decrypts it. */
async function filesBefore(
  repository: Repository,
  snapshot: NamedSnapshot | undefined,
): Promise<ReadonlyMap<string, FileEntry>> {
  const isReadable = repository.config.recipients.length === 0 || repository.keys.hasSecrets;
  if (snapshot === undefined || !isReadable) return new Map();
  try {
    const files = (await readTree(repository, snapshot)).filter((entry) => entry.kind === "file");
    return new Map(files.map((entry) => [entry.path, entry]));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new Map(); // damaged: all is read anew
  }
}

/** `undefined` if it has gone since it was listed. */
async function save(entry: ScannedEntry, options: ReadOptions): Promise<TreeEntry | undefined> {
  const { kind, path, source } = entry;
  try {
    if (kind === "link") return { kind, path, target: await Deno.readLink(source) };
    const { mode } = await Deno.lstat(source);
    const permissions = (mode ?? 0o644) & 0o7777;
    if (kind === "folder") return { kind, path, mode: permissions };
    return await isDatabase(source)
      ? await saveDatabase(entry, options)
      : await saveFile(source, { ...options, path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", source, error);
  }
}

async function saveFile(
  source: string,
  options: ReadOptions & { readonly path: string },
): Promise<FileEntry> {
  const { path, writer, before, chunkBytes, onWarning } = options;
  using file = await Deno.open(source);
  const start = await file.stat();
  const mode = (start.mode ?? 0o644) & 0o7777;
  const mtimeMs = start.mtime?.getTime() ?? 0;
  const known = before.get(path);
  if (
    known !== undefined && known.mtimeMs === mtimeMs && known.sizeBytes === start.size &&
    known.chunks.every((id) => writer.has(id))
  ) {
    known.chunks.forEach((id) => writer.addKnown(id));
    return { ...known, mode };
  }
  const chunks: string[] = [];
  let sizeBytes = 0;
  for (;;) {
    const chunk = await readChunk(file, chunkBytes);
    if (chunk.length === 0) break;
    sizeBytes += chunk.length;
    chunks.push(await writer.add(chunk));
  }
  const end = await file.stat();
  const isSteady = end.size === sizeBytes && end.mtime?.getTime() === mtimeMs;
  if (!isSteady && sizeBytes < start.size) {
    onWarning(`"${path}" became shorter while it was read`);
  }
  // of a file that grows, what was there is saved; the next backup reads it anew
  return { kind: "file", path, mode, mtimeMs: isSteady ? mtimeMs : -1, sizeBytes, chunks };
}

/** What other processes are writing into a database would not be whole: SQLite makes a copy that is. */
async function saveDatabase(
  { path, source }: ScannedEntry,
  options: ReadOptions,
): Promise<FileEntry> {
  const folder = await Deno.makeTempDir({ prefix: "llm-training-backup-" });
  const copy = join(folder, "copy.sqlite");
  try {
    using database = new DatabaseSync(source, { readOnly: true, timeout: 20_000 });
    database.prepare("VACUUM INTO ?").run(copy);
    const { mode } = await Deno.lstat(source);
    const saved = await saveFile(copy, { ...options, path, before: new Map() });
    return { ...saved, mode: (mode ?? 0o644) & 0o7777, mtimeMs: -1 };
  } catch (error) {
    if (error instanceof UserError || error instanceof Deno.errors.NotFound) throw error;
    throw new UserError(
      `Cannot back up the database "${source}": ${
        messageOf(error)
      }; leave it out by "exclude" if it is none`,
      { cause: error },
    );
  } finally {
    await removeIfThere(folder);
  }
}

async function addContent(
  content: Uint8Array,
  { writer, chunkBytes }: ReadOptions,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let at = 0; at < content.length; at += chunkBytes) {
    ids.push(await writer.add(content.slice(at, at + chunkBytes)));
  }
  return ids;
}

async function readChunk(file: Deno.FsFile, bytes: number): Promise<Uint8Array> {
  const chunk = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const count = await file.read(chunk.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled === bytes ? chunk : chunk.slice(0, filled);
}
