/**
 * What a home remembers of its backups, so that whoever wants to know what is due need not reach them.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import {
  array,
  decode,
  integer,
  nullable,
  object,
  readJsonFile,
  record,
  text,
} from "../../utils/json.ts";
import type { TreeEntry } from "./tree.ts";

/** What a home remembers. */
export interface BackupState {
  /** Where the last backup went; null if there was none. */
  readonly destination: string | null;
  /** The name of the last backup. */
  readonly last_backup: string | null;
  /** When it was begun. */
  readonly last_backup_at: string | null;
  /** When all backups were last verified. */
  readonly last_verified_at: string | null;
  /** What was wrong then. */
  readonly problems: number;
  /** Ids of the objects that were missing or damaged then; the next backup writes them anew if it can. */
  readonly damaged: readonly string[];
  /** SHA-256 of the manifests of the checkpoints that the last backup holds, by `<run>/checkpoint-<step>`. */
  readonly checkpoints: Readonly<Record<string, string>>;
}

/** Nothing to remember. */
export const NO_BACKUPS: BackupState = {
  destination: null,
  last_backup: null,
  last_backup_at: null,
  last_verified_at: null,
  problems: 0,
  damaged: [],
  checkpoints: {},
};

const state = object<BackupState>({
  destination: nullable(text()),
  last_backup: nullable(text()),
  last_backup_at: nullable(text()),
  last_verified_at: nullable(text()),
  problems: integer({ min: 0 }),
  damaged: array(text()),
  checkpoints: record(text()),
});

const MANIFEST = /^runs\/(.+)\/checkpoints\/(checkpoint-\d+)\/manifest\.json$/;

/** Reads what the home remembers. */
export async function readBackupState(home: string): Promise<BackupState> {
  const path = pathOf(home);
  return existsSync(path) ? decode(state, await readJsonFile(path), path) : NO_BACKUPS;
}

/** Remembers. */
export async function writeBackupState(home: string, remembered: BackupState): Promise<void> {
  await writeFileAtomic(pathOf(home), `${JSON.stringify(remembered, null, 2)}\n`);
}

/** Returns the checkpoints that a backup holds: a manifest is one object, whose id is its SHA-256. */
export function checkpointsIn(tree: readonly TreeEntry[]): Readonly<Record<string, string>> {
  return Object.fromEntries(tree.flatMap((entry) => {
    const match = MANIFEST.exec(entry.path);
    if (match === null || entry.kind !== "file" || entry.chunks.length !== 1) return [];
    return [[`${match[1]}/${match[2]}`, entry.chunks[0]!]];
  }));
}

function pathOf(home: string): string {
  return join(home, "backup_state.json");
}
