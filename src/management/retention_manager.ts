/**
 * Which checkpoints of a home stay and which go: rules, a plan with the reason for every line, and its execution under
 * locks that trainers respect.
 *
 * @example
 * ```ts
 * import { RetentionManager } from "./retention_manager.ts";
 *
 * const manager = new RetentionManager({ home: await Deno.makeTempDir() });
 * const plan = await manager.plan();
 * if (plan.lines.length !== 0) throw new Error("an empty home has no checkpoints");
 * ```
 *
 * @module
 */

import { join, resolve } from "node:path";
import { addHold, type HoldKind, removeHold } from "../models/checkpoint/holds.ts";
import { lockCheckpoints } from "../models/checkpoint/lock.ts";
import { type Clock, systemClock } from "../utils/clock.ts";
import { UserError } from "../utils/errors.ts";
import { waitForFileLock } from "../utils/file_lock.ts";
import { homePaths } from "../utils/paths.ts";
import {
  applyLines,
  RETENTION_FILES,
  type RetentionFailure,
  type RetentionFiles,
  sweepCondemned,
} from "./retention/apply.ts";
import { discoverRun, discoverRuns } from "./retention/discover.ts";
import { findCheckpoint } from "./retention/find_checkpoint.ts";
import { liveReferences } from "./retention/live_reference.ts";
import { planRetention, type RetentionPlan } from "./retention/plan.ts";
import type { Reference } from "./retention/protect.ts";
import { RETENTION_DEFAULTS, type RetentionSettings } from "./retention/settings.ts";
import type { StoredCheckpoint, StoredRun } from "./retention/stored_run.ts";

export { type Hold, HOLD_KINDS, type HoldKind } from "../models/checkpoint/holds.ts";
export type { Clock } from "../utils/clock.ts";
export type { RetentionFailure, RetentionFiles } from "./retention/apply.ts";
export {
  RETENTION_ACTIONS,
  type RetentionAction,
  type RetentionLine,
  type RetentionPlan,
} from "./retention/plan.ts";
export {
  type Protection,
  type ProtectionKind,
  PROTECTIONS,
  type Reference,
} from "./retention/protect.ts";
export {
  RETENTION_DEFAULTS,
  RETENTION_SCOPES,
  type RetentionScope,
  type RetentionSettings,
} from "./retention/settings.ts";
export type { RunUse, StoredCheckpoint, StoredRun } from "./retention/stored_run.ts";

/** Options of {@linkcode RetentionManager}. */
export interface RetentionManagerOptions {
  /** The home folder. */
  readonly home: string;
  /** The rules. @default {RETENTION_DEFAULTS} */
  readonly settings?: RetentionSettings;
  /** Says what else must stay: what is deployed, what jobs that wait will go on from. @default {nothing else} */
  readonly references?: () => Promise<readonly Reference[]>;
  /** Returns the ids of checkpoints that a verified backup holds. @default {none} */
  readonly copies?: () => Promise<ReadonlySet<string>>;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** What changes files. @default {the files of this machine} */
  readonly files?: RetentionFiles;
}

/** Options of {@linkcode RetentionManager.prune} and {@linkcode RetentionManager.plan}. */
export interface PruneOptions {
  /** Drops the optimizers' states that nothing protects, and removes no weights. @default {false} */
  readonly dropOptimizer?: boolean;
  /** The only checkpoints that may be touched, by name; limits do not matter for them then. @default {all} */
  readonly only?: readonly string[];
  /** The current folder, for names that are paths. @default {the home} */
  readonly cwd?: string;
  /** Stops before the next checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** What was done. */
export interface PruneResult {
  /** What was planned. */
  readonly plan: RetentionPlan;
  /** What could not be done. */
  readonly failures: readonly RetentionFailure[];
}

/** The file in the folder of runs that is locked from plan to deletion. */
const LOCK_FILE = ".retention.lock";

/** How long a run that is being read is waited for; after that its checkpoints stay this time. */
const RUN_WAIT_MS = 1000;

/** Decides which checkpoints of a home stay, and removes the others. */
export class RetentionManager {
  readonly #runs: string;
  readonly #home: string;
  readonly #settings: RetentionSettings;
  readonly #references: () => Promise<readonly Reference[]>;
  readonly #copies: () => Promise<ReadonlySet<string>>;
  readonly #clock: Clock;
  readonly #files: RetentionFiles;

  /** Nothing is read or written yet. */
  constructor(options: RetentionManagerOptions) {
    const { home, settings = RETENTION_DEFAULTS, clock = systemClock } = options;
    this.#home = resolve(home);
    this.#runs = homePaths(this.#home).runs;
    this.#settings = settings;
    this.#references = options.references ?? (() => Promise.resolve([]));
    this.#copies = options.copies ?? (() => Promise.resolve(new Set()));
    this.#clock = clock;
    this.#files = options.files ?? RETENTION_FILES;
  }

  /** Returns all runs of the home with their checkpoints. */
  async list(): Promise<readonly StoredRun[]> {
    return await discoverRuns(this.#runs);
  }

  /**
   * Finds a checkpoint by name: `<run>/checkpoint-<step>`, a run for its newest, or a folder.
   *
   * @throws {UserError} If there is none.
   */
  async find(name: string, cwd: string = this.#home): Promise<StoredCheckpoint> {
    return findCheckpoint(name, { runs: await this.list(), cwd });
  }

  /** Plans what {@linkcode prune} would do; nothing is written. */
  async plan(options: PruneOptions = {}): Promise<RetentionPlan> {
    return await this.#planFor(await this.list(), options);
  }

  /**
   * Removes what the rules let go. Plan and deletion are under one lock; runs that others are reading are left
   * alone, and what a kill left of an earlier call is removed.
   *
   * @throws {UserError} If a file that says what must stay cannot be read; nothing is removed then.
   */
  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    const { signal } = options;
    const runs = await this.list();
    if (runs.length === 0) return { plan: await this.#planFor(runs, options), failures: [] };
    using _lock = await waitForFileLock(join(this.#runs, LOCK_FILE), { signal });
    await sweepCondemned(runs, this.#files);
    const draft = await this.#planFor(await this.list(), options);
    using locks = new DisposableStack();
    const locked = new Set<string>();
    for (const run of runs) {
      if (!draft.lines.some((line) => line.action !== "keep" && line.checkpoint.run === run.name)) {
        continue;
      }
      const lock = await lockCheckpoints(run.path, { timeoutMs: RUN_WAIT_MS, signal });
      if (lock === undefined) continue;
      locks.use(lock);
      locked.add(run.name);
    }
    // now that nobody else changes them: what was pinned or saved meanwhile counts
    const plan = await this.#planLocked(locked, options);
    const failures = await applyLines(plan.lines, { files: this.#files, signal });
    return { plan, failures };
  }

  /**
   * Holds a checkpoint until it is released: neither this nor its trainer removes it.
   *
   * @throws {UserError} If it is not there.
   */
  async hold(
    name: string,
    { kind = "pinned", note = null, cwd }: {
      readonly kind?: HoldKind;
      readonly note?: string | null;
      readonly cwd?: string;
    } = {},
  ): Promise<StoredCheckpoint> {
    return await this.#withRun(name, cwd, async (checkpoint, folder) => {
      const since = new Date(this.#clock()).toISOString();
      await addHold(folder, { checkpoint: checkpoint.path, hold: { kind, since, note } });
    });
  }

  /**
   * Lets a checkpoint go that was held.
   *
   * @throws {UserError} If it is not there or was not held.
   */
  async release(
    name: string,
    { kind = "pinned", cwd }: { readonly kind?: HoldKind; readonly cwd?: string } = {},
  ): Promise<StoredCheckpoint> {
    return await this.#withRun(name, cwd, async (checkpoint, folder) => {
      if (await removeHold(folder, { checkpoint: checkpoint.path, kind })) return;
      throw new UserError(`Cannot release checkpoint "${checkpoint.id}": it is not ${kind}`);
    });
  }

  async #withRun(
    name: string,
    cwd: string | undefined,
    change: (checkpoint: StoredCheckpoint, folder: string) => Promise<void>,
  ): Promise<StoredCheckpoint> {
    const { run } = await this.find(name, cwd);
    const folder = join(this.#runs, run);
    using _lock = await lockCheckpoints(folder);
    const checkpoint = await this.find(name, cwd); // it may have been removed, or be no longer the newest
    if (checkpoint.run !== run) throw new UserError(`Cannot use "${name}": it has moved`);
    await change(checkpoint, folder);
    const after = await discoverRun(this.#runs, folder);
    return after.checkpoints.find(({ id }) => id === checkpoint.id) ?? checkpoint;
  }

  /** Plans anew until no run is touched but those that are `locked`. */
  async #planLocked(locked: ReadonlySet<string>, options: PruneOptions): Promise<RetentionPlan> {
    let runs = (await this.list()).map((run) =>
      locked.has(run.name) ? { ...run, isLocked: false } : run
    );
    for (;;) {
      const plan = await this.#planFor(runs, options);
      const touched = new Set(
        plan.lines.filter(({ action }) => action !== "keep").map(({ checkpoint }) =>
          checkpoint.run
        ),
      );
      if (touched.isSubsetOf(locked)) return plan;
      // what stays in one of these can push out more of another, so that it takes another look
      runs = runs.map((run) =>
        touched.has(run.name) && !locked.has(run.name) ? { ...run, isLocked: true } : run
      );
    }
  }

  async #planFor(runs: readonly StoredRun[], options: PruneOptions): Promise<RetentionPlan> {
    const { dropOptimizer = false, only, cwd = this.#home } = options;
    const context = {
      settings: this.#settings,
      nowMs: this.#clock(),
      references: [
        ...await liveReferences(homePaths(this.#home).live),
        ...await this.#references(),
      ],
      copies: await this.#copies(),
      dropOptimizer,
    };
    const named = only?.map((name) => findCheckpoint(name, { runs, cwd }).id);
    return planRetention(runs, named === undefined ? context : { ...context, only: named });
  }
}
