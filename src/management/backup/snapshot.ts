/**
 * The record of one backup: what it holds and which objects that takes. Its name contains its own checksum, and it is
 * written last, so that a backup is there whole or not at all.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { messageOf, UserError } from "../../utils/errors.ts";
import { array, decode, integer, object, parseJson, record, text } from "../../utils/json.ts";
import type { BlobStore } from "./blob_store.ts";

/** What the names of records begin with. */
export const SNAPSHOTS_PREFIX = "snapshots/";

/** What the names of objects begin with. */
export const OBJECTS_PREFIX = "objects/";

/** The form of records that this version writes and reads. */
export const SNAPSHOT_FORMAT = 1;

/** One backup. */
export interface Snapshot {
  /** See {@linkcode SNAPSHOT_FORMAT}. */
  readonly format: number;
  /** When it was begun. */
  readonly created_at: string;
  /** The home that it is of. */
  readonly home: string;
  /** How many files it holds. */
  readonly files: number;
  /** The size of all its files. */
  readonly size_bytes: number;
  /** The size of the objects that it brought. */
  readonly new_bytes: number;
  /** Ids of the objects that together are the list of its files. */
  readonly tree: readonly string[];
  /** Every object that it takes, with the size in which it is stored. */
  readonly objects: Readonly<Record<string, number>>;
}

/** A backup with its name. */
export interface NamedSnapshot extends Snapshot {
  /** Its name: the time, and its checksum. */
  readonly id: string;
}

/** A record that cannot be read. */
export interface BrokenSnapshot {
  /** Its name. */
  readonly id: string;
  /** Why. */
  readonly problem: string;
}

/** All records of a store, the oldest first. */
export interface Snapshots {
  /** Those that are whole. */
  readonly whole: readonly NamedSnapshot[];
  /** The others. */
  readonly broken: readonly BrokenSnapshot[];
}

const snapshot = object<Snapshot>({
  format: integer({ min: 1 }),
  created_at: text(),
  home: text(),
  files: integer({ min: 0 }),
  size_bytes: integer({ min: 0 }),
  new_bytes: integer({ min: 0 }),
  tree: array(text()),
  objects: record(integer({ min: 0 })),
});

/** Returns the name of an object's blob. */
export function objectBlob(id: string): string {
  return `${OBJECTS_PREFIX}${id.slice(0, 2)}/${id}`;
}

/** Returns the name of a record's blob. */
export function snapshotBlob(id: string): string {
  return `${SNAPSHOTS_PREFIX}${id}.json`;
}

/** Returns a record as it is stored, and its name. */
export function encodeSnapshot(
  record: Snapshot,
): { readonly id: string; readonly bytes: Uint8Array<ArrayBuffer> } {
  const bytes = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
  const time = record.created_at.replace(/\.\d+Z$/, "Z").replaceAll(/[-:]/g, "");
  return { id: `${time}-${checksum(bytes)}`, bytes };
}

/** Reads all records of a store. */
export async function readSnapshots(store: BlobStore): Promise<Snapshots> {
  const whole: NamedSnapshot[] = [];
  const broken: BrokenSnapshot[] = [];
  for await (const { key } of store.list(SNAPSHOTS_PREFIX)) {
    const id = key.slice(SNAPSHOTS_PREFIX.length).replace(/\.json$/, "");
    try {
      const bytes = await store.get(key);
      if (bytes === undefined) continue; // removed since it was listed
      whole.push({ id, ...decodeSnapshot(id, { bytes, store }) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      broken.push({ id, problem: messageOf(error) });
    }
  }
  const timeOf = ({ created_at }: Snapshot) => Date.parse(created_at);
  return {
    whole: whole.sort((a, b) => timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1)),
    broken: broken.sort((a, b) => a.id < b.id ? -1 : 1),
  };
}

function decodeSnapshot(
  id: string,
  { bytes, store }: { readonly bytes: Uint8Array; readonly store: BlobStore },
): Snapshot {
  const source = `${store.name}/${snapshotBlob(id)}`;
  if (!id.endsWith(`-${checksum(bytes)}`)) {
    throw new UserError(`Cannot use "${source}": it is damaged, its checksum differs`);
  }
  const decoded = decode(snapshot, parseJson(new TextDecoder().decode(bytes), source), source);
  if (decoded.format === SNAPSHOT_FORMAT) return decoded;
  throw new UserError(
    `Cannot use "${source}": it has format ${decoded.format}, this version reads ${SNAPSHOT_FORMAT}`,
  );
}

function checksum(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
