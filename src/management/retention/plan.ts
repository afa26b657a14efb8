/**
 * From what lies on disk and the rules to what happens with each checkpoint, with the reason: a pure function.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import {
  hours,
  newestFirst,
  type Protection,
  type ProtectionKind,
  protectionsOf,
  type ProtectOptions,
} from "./protect.ts";
import type { StoredCheckpoint, StoredRun } from "./stored_run.ts";

/** What can happen with a checkpoint. */
export const RETENTION_ACTIONS = ["keep", "drop_optimizer", "delete"] as const;

/** What happens with a checkpoint. */
export type RetentionAction = (typeof RETENTION_ACTIONS)[number];

/** What happens with one checkpoint. */
export interface RetentionLine {
  /** The checkpoint. */
  readonly checkpoint: StoredCheckpoint;
  /** What happens with it. */
  readonly action: RetentionAction;
  /** Why, in words. */
  readonly reasons: readonly string[];
  /** What protects it. */
  readonly protections: readonly Protection[];
  /** How much room that makes. */
  readonly freedBytes: number;
}

/** What happens with every checkpoint. */
export interface RetentionPlan {
  /** One line for each, by run and step. */
  readonly lines: readonly RetentionLine[];
  /** The size of all, before and after. */
  readonly totalBytes: { readonly before: number; readonly after: number };
  /** The size of all states of optimizers, before and after. */
  readonly stateBytes: { readonly before: number; readonly after: number };
  /** Limits that what is protected keeps from being met, in words. */
  readonly unmet: readonly string[];
  /** Ids of the only checkpoints that might be touched; null if all might. */
  readonly named: readonly string[] | null;
}

/** What a plan depends on besides the runs. */
export interface PlanOptions extends ProtectOptions {
  /** Drops every state that nothing protects, whatever its age, and removes no weights. @default {false} */
  readonly dropOptimizer?: boolean;
  /** Ids of the only checkpoints that may be touched; for them limits do not matter. @default {all may} */
  readonly only?: readonly string[];
}

/** What keeps the state of an optimizer even if its checkpoint is named to lose it. */
const KEEPS_NAMED_STATE: readonly ProtectionKind[] = ["pinned", "in_use"];

const NO_LIMITS = {
  maxAgeHours: null,
  maxSizeGb: null,
  stateMaxAgeHours: null,
  stateMaxSizeGb: null,
} as const;

const HOUR_MS = 3_600_000;
const GB = 1e9;

/**
 * Plans what happens with the checkpoints of `runs`.
 *
 * @throws {UserError} If it is not known what one of them holds or needs.
 */
export function planRetention(runs: readonly StoredRun[], options: PlanOptions): RetentionPlan {
  const { settings, nowMs, dropOptimizer = false, only } = options;
  const problem = runs.find((run) => run.problem !== null)?.problem;
  if (problem !== undefined) {
    throw new UserError(`${problem}; no checkpoint is removed before it is`);
  }
  const protections = protectionsOf(runs, options);
  const all = runs.flatMap(({ checkpoints }) => checkpoints);
  const of = (each: StoredCheckpoint) => protections.get(each.id) ?? [];
  const mayBeTouched = only === undefined ? all : all.filter(({ id }) => only.includes(id));
  const oldestFirst = mayBeTouched.toSorted((a, b) =>
    a.savedAtMs - b.savedAtMs || a.step - b.step || (a.id < b.id ? -1 : 1)
  );
  const deleted = new Map<string, string>();
  const dropped = new Map<string, string>();
  const ageOf = (each: StoredCheckpoint) => nowMs - each.savedAtMs;
  const remaining = () => all.filter(({ id }) => !deleted.has(id));
  const stateBytes = () =>
    sum(remaining().filter(({ id }) => !dropped.has(id)).map((each) => each.stateBytes));
  const totalBytes = () =>
    sum(remaining().map((each) => each.sizeBytes - (dropped.has(each.id) ? each.stateBytes : 0)));

  const mayGo = dropOptimizer ? [] : oldestFirst.filter((each) => of(each).length === 0);
  const { maxAgeHours, maxSizeGb, stateMaxAgeHours, stateMaxSizeGb } = only === undefined
    ? settings
    : NO_LIMITS;
  if (only !== undefined) mayGo.forEach(({ id }) => deleted.set(id, "named to be removed"));
  if (maxAgeHours !== null) {
    for (const each of mayGo) {
      if (ageOf(each) <= maxAgeHours * HOUR_MS) continue;
      deleted.set(each.id, `older than ${hours(maxAgeHours)}`);
    }
  }
  const mayDrop = oldestFirst.filter((each) =>
    each.stateBytes > 0 && each.damage === null && !deleted.has(each.id) &&
    !of(each).some(({ kind, keepsState }) =>
      only === undefined ? keepsState : KEEPS_NAMED_STATE.includes(kind)
    )
  );
  for (const each of mayDrop) {
    if (dropOptimizer) dropped.set(each.id, "as --drop-optimizer asks");
    else if (stateMaxAgeHours !== null && ageOf(each) > stateMaxAgeHours * HOUR_MS) {
      dropped.set(
        each.id,
        `its optimizer's state is older than ${hours(stateMaxAgeHours)}`,
      );
    }
  }
  if (stateMaxSizeGb !== null) {
    let over = stateBytes() - stateMaxSizeGb * GB;
    for (const each of mayDrop) {
      if (over <= 0) break;
      if (dropped.has(each.id)) continue;
      dropped.set(
        each.id,
        `states of optimizers were larger than ${formatBytes(stateMaxSizeGb * GB)}`,
      );
      over -= each.stateBytes;
    }
  }
  if (maxSizeGb !== null) {
    let over = totalBytes() - maxSizeGb * GB;
    for (const each of mayGo) {
      if (over <= 0) break;
      if (deleted.has(each.id)) continue;
      deleted.set(each.id, `all together were larger than ${formatBytes(maxSizeGb * GB)}`);
      over -= each.sizeBytes - (dropped.has(each.id) ? each.stateBytes : 0);
      dropped.delete(each.id);
    }
  }

  const lines = runs.flatMap(({ checkpoints }) => checkpoints).map((checkpoint): RetentionLine => {
    const protections = of(checkpoint);
    const { id, sizeBytes, stateBytes } = checkpoint;
    const goes = deleted.get(id);
    if (goes !== undefined) {
      const reasons = checkpoint.damage === null ? [goes] : [goes, `damaged: ${checkpoint.damage}`];
      return { checkpoint, action: "delete", reasons, protections, freedBytes: sizeBytes };
    }
    const reasons = protections.map(({ words }) => words);
    const drops = dropped.get(id);
    if (drops !== undefined) {
      return {
        checkpoint,
        action: "drop_optimizer",
        reasons: reasons.length === 0
          ? [drops]
          : [drops, `its weights stay: ${reasons.join(", ")}`],
        protections,
        freedBytes: stateBytes,
      };
    }
    const words = only === undefined || only.includes(id) ? "within the limits" : "not named";
    const none = reasons.length > 0 ? reasons : [words];
    return { checkpoint, action: "keep", reasons: none, protections, freedBytes: 0 };
  });
  const total = { before: sum(all.map(({ sizeBytes }) => sizeBytes)), after: totalBytes() };
  const state = { before: sum(all.map((each) => each.stateBytes)), after: stateBytes() };
  const unmet: string[] = [];
  if (!dropOptimizer && maxSizeGb !== null && total.after > maxSizeGb * GB) {
    unmet.push(
      `${formatBytes(total.after)} stay, more than ${
        formatBytes(maxSizeGb * GB)
      }: all of it is protected`,
    );
  }
  if (stateMaxSizeGb !== null && state.after > stateMaxSizeGb * GB) {
    unmet.push(
      `${formatBytes(state.after)} of optimizers' states stay, more than ${
        formatBytes(stateMaxSizeGb * GB)
      }: all of it is protected`,
    );
  }
  return { lines, totalBytes: total, stateBytes: state, unmet, named: only ?? null };
}

/** Returns the newest whole checkpoint of a run; `undefined` if it has none. */
export function newestOf(run: StoredRun): StoredCheckpoint | undefined {
  return newestFirst(run.checkpoints.filter(({ damage }) => damage === null))[0];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
