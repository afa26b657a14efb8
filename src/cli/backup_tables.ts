/**
 * Backups as people read them.
 *
 * @module
 */

import type {
  BackupReport,
  NamedSnapshot,
  PrunedBackups,
  Snapshots,
} from "../management/backup_manager.ts";
import { formatBytes } from "../utils/format.ts";
import { alignedRows } from "./aligned_rows.ts";
import { counted } from "./counted.ts";

/** How many files of a problem are named. */
const SHOWN_FILES = 3;

/** Returns what was written, or would be. */
export function createdLines(
  { id, files, size_bytes, new_bytes }: NamedSnapshot,
  { dryRun, destination }: { readonly dryRun: boolean; readonly destination: string },
): readonly string[] {
  const what = `${counted(files, "file")}, ${formatBytes(size_bytes)}, ${
    formatBytes(new_bytes)
  } of it new`;
  return [
    dryRun ? `would back up to ${destination}: ${what}` : `backup ${id} in ${destination}: ${what}`,
  ];
}

/** Returns a line for each backup. */
export function listLines(
  { whole, broken }: Snapshots,
  destination: string,
): readonly string[] {
  if (whole.length + broken.length === 0) return [`There are no backups in ${destination}.`];
  return [
    ...alignedRows([
      ["backup", "made", "files", "size", "new", "home"],
      ...whole.map(({ id, created_at, files, size_bytes, new_bytes, home }) => [
        id,
        created_at.replace(/\.\d+Z$/, "Z"),
        String(files),
        formatBytes(size_bytes),
        formatBytes(new_bytes),
        home,
      ]),
    ]),
    ...broken.map(({ id, problem }) => `${id}  ${problem}`),
  ];
}

/** Returns what verifying found. */
export function reportLines(
  { snapshots, objects, bytes, sealed, problems }: BackupReport,
  { quick }: { readonly quick: boolean },
): readonly string[] {
  const verb = quick ? "looked at" : "read";
  const what = `${verb} ${counted(snapshots.length, "backup")}, ${counted(objects, "object")}, ${
    formatBytes(bytes)
  }`;
  return [
    ...problems.flatMap(({ blob, problem, snapshots, files }) => [
      `${blob}: ${problem}`,
      ...(snapshots.length === 0 ? [] : [`  in backups ${snapshots.join(", ")}`]),
      ...(files.length === 0 ? [] : [`  in files ${shown(files)}`]),
    ]),
    problems.length === 0
      ? `${what}: all whole`
      : `${what}: ${counted(problems.length, "problem")}`,
    ...(sealed === 0 ? [] : [
      `${sealed} objects are encrypted: their checksums are right; --identity lets their content be read too`,
    ]),
  ];
}

/** Returns a line for each backup with what happens to it and why, and one for the sum. */
export function pruneLines(
  { lines, objects, freedBytes }: PrunedBackups,
  { dryRun }: { readonly dryRun: boolean },
): readonly string[] {
  const verb = dryRun ? "would free" : "freed";
  return [
    ...alignedRows(
      lines.map(({ snapshot, action, reasons }) => [action, snapshot.id, reasons.join("; ")]),
    ),
    `${verb} ${formatBytes(freedBytes)} (${
      counted(objects, "object")
    } that no backup needs any more)`,
  ];
}

function shown(files: readonly string[]): string {
  const more = files.length - SHOWN_FILES;
  return `${files.slice(0, SHOWN_FILES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
