/**
 * What keeps a checkpoint from being removed.
 *
 * @module
 */

import { type BestMetric, parseBestMetrics } from "./best_metrics.ts";
import type { RetentionSettings } from "./settings.ts";
import type { StoredCheckpoint, StoredRun } from "./stored_run.ts";

/** The rules. */
export const PROTECTIONS = [
  "pinned",
  "live",
  "deployed",
  "in_use",
  "unfinished",
  "needed",
  "latest",
  "best",
  "only_copy",
  "young",
  "of_day",
  "of_week",
] as const;

/** A rule that keeps a checkpoint. */
export type ProtectionKind = (typeof PROTECTIONS)[number];

/** Whether a rule keeps the optimizer's state too, or only what makes the model. */
export const KEEPS_STATE: Readonly<Record<ProtectionKind, boolean>> = {
  pinned: true,
  live: false,
  deployed: false,
  in_use: true,
  unfinished: true,
  needed: false,
  latest: true,
  best: false,
  only_copy: false,
  young: true,
  of_day: false,
  of_week: false,
};

/** One reason why a checkpoint stays. */
export interface Protection {
  /** The rule. */
  readonly kind: ProtectionKind;
  /** In words. */
  readonly words: string;
  /** Whether the optimizer's state stays too. */
  readonly keepsState: boolean;
}

/** A checkpoint, or a run whose latest is meant, that something outside needs. */
export interface Reference {
  /** Its folder. */
  readonly path: string;
  /** The rule that keeps it. */
  readonly kind: ProtectionKind;
  /** In words. */
  readonly words: string;
}

/** What protection depends on besides the runs. */
export interface ProtectOptions {
  /** The rules. */
  readonly settings: RetentionSettings;
  /** The time. */
  readonly nowMs: number;
  /** What is needed from outside. */
  readonly references: readonly Reference[];
  /** Ids of checkpoints that a verified backup holds. */
  readonly copies: ReadonlySet<string>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday: weeks begin on the Monday before. */
const MONDAY_OFFSET_MS = 3 * DAY_MS;

/** Returns the protections of each checkpoint, by its id. */
export function protectionsOf(
  runs: readonly StoredRun[],
  options: ProtectOptions,
): ReadonlyMap<string, readonly Protection[]> {
  const { settings, nowMs } = options;
  const all = runs.flatMap(({ checkpoints }) => checkpoints);
  const found = new Map<string, Protection[]>(all.map(({ id }) => [id, []]));
  const protect = (
    { id }: StoredCheckpoint,
    kind: ProtectionKind,
    words: string,
    keepsState = KEEPS_STATE[kind],
  ) => void found.get(id)?.push({ kind, words, keepsState });

  for (const checkpoint of all) {
    for (const { kind, note } of checkpoint.holds) {
      protect(checkpoint, kind, note === null ? kind : `${kind}: ${note}`);
    }
  }
  for (const reference of [...options.references, ...runs.flatMap(needs)]) {
    for (const checkpoint of referencedBy(reference.path, runs)) {
      protect(checkpoint, reference.kind, reference.words);
    }
  }
  for (const run of runs) {
    const [resumable] = newestFirst(run.checkpoints.filter(isWhole));
    if (resumable !== undefined && run.isTraining) {
      protect(resumable, "in_use", "its run is in training and would go on from it");
    } else if (resumable !== undefined && !run.isFinished) {
      protect(resumable, "unfinished", "its run is not finished and goes on from it");
    }
    if (run.isLocked) {
      for (const each of run.checkpoints) protect(each, "in_use", "its run is being read");
    }
  }
  const groups = settings.scope === "home"
    ? [{ where: "all runs", runs }]
    : runs.map((run) => ({ where: "its run", runs: [run] }));
  const order = settings.scope === "home" ? newestInHome : newestFirst;
  const metrics = parseBestMetrics(settings.bestMetrics ?? []);
  for (const { where, runs } of groups) {
    const whole = order(runs.flatMap(({ checkpoints }) => checkpoints).filter(isWhole));
    for (const [i, latest] of whole.slice(0, settings.keepLatest).entries()) {
      // with its steps all done, a run does not go on from there
      const run = runs.find(({ name }) => name === latest.run);
      protect(
        latest,
        "latest",
        i === 0 ? `latest of ${where}` : `among the ${settings.keepLatest} latest of ${where}`,
        !run?.isFinished || run.isTraining,
      );
    }
    for (const metric of metrics) {
      const best = bestOf(whole, metric);
      if (best === undefined) continue;
      const value = best.metrics[metric.name]!.toPrecision(4);
      protect(best, "best", `best of ${where}: ${metric.name} ${value}`);
    }
    keepOfEach(whole, {
      count: settings.keepPerDay,
      periods: settings.days,
      periodOf: (ms) => Math.floor(ms / DAY_MS),
      nowMs,
    }).forEach((each) => protect(each, "of_day", `kept of ${dateOf(each.savedAtMs)}`));
    keepOfEach(whole, {
      count: settings.keepPerWeek,
      periods: settings.weeks,
      periodOf: (ms) => Math.floor((ms + MONDAY_OFFSET_MS) / WEEK_MS),
      nowMs,
    }).forEach((each) => {
      const start = Math.floor((each.savedAtMs + MONDAY_OFFSET_MS) / WEEK_MS) * WEEK_MS -
        MONDAY_OFFSET_MS;
      protect(each, "of_week", `kept of the week from ${dateOf(start)}`);
    });
  }
  for (const { checkpoints } of runs) {
    const whole = checkpoints.filter(isWhole);
    // where all are damaged, something may still be saved of the newest
    const last = newestFirst(whole.length > 0 ? whole : checkpoints)[0];
    if (last === undefined || options.copies.has(last.id)) continue;
    const words = "the only copy of what its run has come to";
    protect(last, "only_copy", whole.length > 0 ? words : `${words}, though damaged`);
  }
  for (const each of all) {
    const ageMs = nowMs - each.savedAtMs;
    if (ageMs < settings.minAgeHours * HOUR_MS) {
      protect(each, "young", `younger than ${hours(settings.minAgeHours)}`);
    }
  }
  return found;
}

/** Returns the checkpoints of one run, the newest first: by step, whatever their times became when they were copied. */
export function newestFirst(checkpoints: readonly StoredCheckpoint[]): StoredCheckpoint[] {
  return checkpoints.toSorted((a, b) => b.step - a.step);
}

/** Returns the checkpoints of several runs, the newest first: by time, as steps of different runs say nothing. */
function newestInHome(checkpoints: readonly StoredCheckpoint[]): StoredCheckpoint[] {
  return checkpoints.toSorted((a, b) =>
    b.savedAtMs - a.savedAtMs || b.step - a.step || (a.id < b.id ? -1 : 1)
  );
}

/** Writes a number of hours. */
export function hours(count: number): string {
  return `${Number(count.toPrecision(4))} h`;
}

function isWhole({ damage }: StoredCheckpoint): boolean {
  return damage === null;
}

function needs(run: StoredRun): readonly Reference[] {
  return run.uses.map(({ path, words }) => ({ path, kind: "needed", words }));
}

/**
 * The checkpoint in `path`, or the newest whole one of the run in it. A home that was moved, or is reached by a link, is
 * named otherwise in what was noted before: what comes after the folder of runs counts.
 */
function referencedBy(path: string, runs: readonly StoredRun[]): readonly StoredCheckpoint[] {
  return runs.flatMap((run) => {
    const isMeant = (own: string, within: string) =>
      path === own || path.replaceAll("\\", "/").endsWith(`/runs/${within}`);
    if (isMeant(run.path, run.name)) {
      return newestFirst(run.checkpoints.filter(isWhole)).slice(0, 1);
    }
    return run.checkpoints.filter(({ path, step }) =>
      isMeant(path, `${run.name}/checkpoints/checkpoint-${step}`)
    );
  });
}

/** The first one, where several are as good: it is the one that a trainer which stops early calls the best. */
function bestOf(
  checkpoints: readonly StoredCheckpoint[],
  { name, better }: BestMetric,
): StoredCheckpoint | undefined {
  const sign = better === "min" ? 1 : -1;
  let best: StoredCheckpoint | undefined;
  for (const each of checkpoints) {
    const value = each.metrics[name];
    if (value === undefined) continue;
    if (best === undefined || sign * value <= sign * best.metrics[name]!) best = each;
  }
  return best;
}

interface PeriodOptions {
  readonly count: number;
  readonly periods: number;
  readonly periodOf: (ms: number) => number;
  readonly nowMs: number;
}

function keepOfEach(
  checkpoints: readonly StoredCheckpoint[],
  { count, periods, periodOf, nowMs }: PeriodOptions,
): readonly StoredCheckpoint[] {
  const oldest = periodOf(nowMs) - periods + 1;
  const kept = new Map<number, number>();
  return checkpoints.filter(({ savedAtMs }) => {
    const period = periodOf(savedAtMs);
    const before = kept.get(period) ?? 0;
    if (period < oldest || before >= count) return false;
    kept.set(period, before + 1);
    return true;
  });
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
