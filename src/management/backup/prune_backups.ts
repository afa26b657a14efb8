/**
 * Which backups stay, and the removal of the others with the objects that no other takes.
 *
 * @module
 */

import type { Repository } from "./repository.ts";
import { type NamedSnapshot, OBJECTS_PREFIX, readSnapshots, snapshotBlob } from "./snapshot.ts";
import type { BackupSettings } from "./settings.ts";

/** How many backups stay. */
export type BackupRules = Pick<BackupSettings, "keepLast" | "keepDaily" | "keepWeekly">;

/** What happens with one backup. */
export interface BackupLine {
  /** The backup. */
  readonly snapshot: NamedSnapshot;
  /** What happens with it. */
  readonly action: "keep" | "delete";
  /** Why, in words. */
  readonly reasons: readonly string[];
}

/** What was removed, or would be. */
export interface PrunedBackups {
  /** One line for each backup, the oldest first. */
  readonly lines: readonly BackupLine[];
  /** How many objects go that no backup takes any more. */
  readonly objects: number;
  /** Their size. */
  readonly freedBytes: number;
  /** Why no objects go, if they do not; null if they do. */
  readonly blocked: string | null;
}

/** Options of {@linkcode pruneBackups}. */
export interface PruneBackupsOptions {
  /** How many stay. */
  readonly rules: BackupRules;
  /** The time. */
  readonly nowMs: number;
  /** Only tell what would go. */
  readonly dryRun: boolean;
  /** Stops before the next removal. */
  readonly signal?: AbortSignal | undefined;
}

const DAY_MS = 24 * 3_600_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday: weeks begin on the Monday before. */
const MONDAY_OFFSET_MS = 3 * DAY_MS;

/** Plans which of `snapshots`, the oldest first, stay: the newest, and the newest of each of the last days and weeks. */
export function planBackups(
  snapshots: readonly NamedSnapshot[],
  { rules, nowMs }: { readonly rules: BackupRules; readonly nowMs: number },
): readonly BackupLine[] {
  const reasons = new Map<string, string[]>(snapshots.map(({ id }) => [id, []]));
  const newestFirst = snapshots.toReversed();
  const { keepLast, keepDaily, keepWeekly } = rules;
  newestFirst.slice(0, keepLast).forEach(({ id }, i) =>
    reasons.get(id)!.push(i === 0 ? "the newest" : `among the ${keepLast} newest`)
  );
  const keepNewestOf = (
    periodOf: (ms: number) => number,
    { count, words }: { readonly count: number; readonly words: string },
  ) => {
    const oldest = periodOf(nowMs) - count + 1;
    const seen = new Set<number>();
    for (const { id, created_at } of newestFirst) {
      const period = periodOf(Date.parse(created_at));
      if (period < oldest || seen.has(period)) continue;
      seen.add(period);
      reasons.get(id)!.push(words);
    }
  };
  keepNewestOf((ms) => Math.floor(ms / DAY_MS), {
    count: keepDaily,
    words: "the newest of its day",
  });
  keepNewestOf((ms) => Math.floor((ms + MONDAY_OFFSET_MS) / WEEK_MS), {
    count: keepWeekly,
    words: "the newest of its week",
  });
  return snapshots.map((snapshot) => {
    const why = reasons.get(snapshot.id)!;
    return why.length > 0
      ? { snapshot, action: "keep", reasons: why }
      : { snapshot, action: "delete", reasons: ["no rule keeps it"] };
  });
}

/**
 * Removes backups that no rule keeps: first their records, so that a kill leaves none that lacks something, then the
 * objects that no record names. While a record cannot be read, objects stay: it may name them.
 */
export async function pruneBackups(
  { store }: Repository,
  options: PruneBackupsOptions,
): Promise<PrunedBackups> {
  const { nowMs, dryRun, signal } = options;
  const { whole, broken } = await readSnapshots(store);
  const lines = planBackups(whole, options);
  const gone = lines.filter(({ action }) => action === "delete");
  for (const { snapshot } of dryRun ? [] : gone) {
    signal?.throwIfAborted();
    await store.remove(snapshotBlob(snapshot.id));
  }
  if (!dryRun) await store.tidy();
  if (broken.length > 0) {
    const blocked =
      `${broken.length} records of backups are damaged, so that it is not known which objects they need`;
    return { lines, objects: 0, freedBytes: 0, blocked };
  }
  const kept = lines.filter(({ action }) => action === "keep");
  const needed = new Set(kept.flatMap(({ snapshot }) => Object.keys(snapshot.objects)));
  let objects = 0;
  let freedBytes = 0;
  const unneeded: string[] = [];
  for await (const { key, sizeBytes, writtenAtMs } of store.list(OBJECTS_PREFIX)) {
    const id = key.slice(key.lastIndexOf("/") + 1);
    const isFresh = store.graceMs > 0 && nowMs - writtenAtMs < store.graceMs;
    if (needed.has(id) || isFresh) continue;
    unneeded.push(key);
    objects++;
    freedBytes += sizeBytes;
  }
  for (const key of dryRun ? [] : unneeded) {
    signal?.throwIfAborted();
    await store.remove(key);
  }
  return { lines, objects, freedBytes, blocked: null };
}
