/**
 * Backups of a home: made, listed, verified, restored and let go.
 *
 * @example
 * ```ts
 * import { join } from "node:path";
 * import { BackupManager } from "./backup_manager.ts";
 *
 * const home = await Deno.makeTempDir();
 * await Deno.writeTextFile(join(home, "llm-training.json"), "{}");
 * const backups = new BackupManager({ home });
 * const { snapshot } = await backups.create();
 * const { problems } = await backups.verify();
 * if (snapshot.files !== 1 || problems.length !== 0) throw new Error("one file, and it is whole");
 * ```
 *
 * @module
 */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { contentId } from "./backup/sealed_object.ts";
import { type Clock, systemClock } from "../utils/clock.ts";
import { UserError } from "../utils/errors.ts";
import { tryLockFile } from "../utils/file_lock.ts";
import { homePaths } from "../utils/paths.ts";
import {
  type BackupState,
  checkpointsIn,
  readBackupState,
  writeBackupState,
} from "./backup/backup_state.ts";
import type { BlobStore } from "./backup/blob_store.ts";
import { createBackup, type CreatedBackup } from "./backup/create_backup.ts";
import type { Secrets } from "./backup/data_keys.ts";
import { type Destination, lockPathOf, openStore, parseDestination } from "./backup/open_store.ts";
import { pruneBackups, type PrunedBackups } from "./backup/prune_backups.ts";
import {
  createRepository,
  openRepository,
  refuseOtherRecipients,
  type Repository,
} from "./backup/repository.ts";
import {
  restoreBackup,
  type RestoredBackup,
  type RestoreOptions,
} from "./backup/restore_backup.ts";
import { pathWithin } from "./backup/scan_home.ts";
import { nextDaily } from "./backup/schedule.ts";
import { BACKUP_DEFAULTS, type BackupSettings } from "./backup/settings.ts";
import {
  type NamedSnapshot,
  OBJECTS_PREFIX,
  readSnapshots,
  type Snapshots,
} from "./backup/snapshot.ts";
import { type BackupReport, verifyBackups, type VerifyOptions } from "./backup/verify_backups.ts";

export type { Clock } from "../utils/clock.ts";
export type { BackupState } from "./backup/backup_state.ts";
export type { BlobEntry, BlobStore } from "./backup/blob_store.ts";
export type { CreatedBackup } from "./backup/create_backup.ts";
export type { Secrets } from "./backup/data_keys.ts";
export type { BackupLine, PrunedBackups } from "./backup/prune_backups.ts";
export type { RestoredBackup, RestoreOptions } from "./backup/restore_backup.ts";
export { type DailyOptions, nextDaily } from "./backup/schedule.ts";
export { BACKUP_DEFAULTS, type BackupSettings } from "./backup/settings.ts";
export type { BrokenSnapshot, NamedSnapshot, Snapshot, Snapshots } from "./backup/snapshot.ts";
export type { FileEntry, FolderEntry, LinkEntry, TreeEntry } from "./backup/tree.ts";
export type { BackupProblem, BackupReport, VerifyOptions } from "./backup/verify_backups.ts";

/** Options of {@linkcode BackupManager}. */
export interface BackupManagerOptions {
  /** The home folder. */
  readonly home: string;
  /** Where backups go, when, and how long they stay. @default {BACKUP_DEFAULTS} */
  readonly settings?: BackupSettings;
  /** What opens encrypted backups; a passphrase also makes the first one at a destination encrypted. @default {none} */
  readonly secrets?: Secrets;
  /** The environment, for the credentials of S3. @default {empty} */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** Told of what is odd. @default {nobody} */
  readonly onWarning?: (message: string) => void;
  /** Stands before the store at the destination, to make it fail in tests. @default {nothing} */
  readonly wrapStore?: (store: BlobStore) => BlobStore;
}

/** Options of {@linkcode BackupManager.create} and {@linkcode BackupManager.prune}. */
export interface BackupWorkOptions {
  /** Only tell what would be done. @default {false} */
  readonly dryRun?: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** When the daemon has something to do, in milliseconds since 1970; null if never. */
export interface BackupDue {
  /** A backup. */
  readonly backupAtMs: number | null;
  /** Verifying all backups. */
  readonly verifyAtMs: number | null;
}

const DAY_MS = 24 * 3_600_000;

/** Makes backups of a home and looks after them. */
export class BackupManager {
  readonly #options: BackupManagerOptions;
  readonly #home: string;
  readonly #settings: BackupSettings;
  readonly #destination: Destination;
  readonly #clock: Clock;

  /**
   * Nothing is read or written yet.
   *
   * @throws {UserError} If the destination is a URL that is not understood.
   */
  constructor(options: BackupManagerOptions) {
    this.#options = options;
    this.#home = resolve(options.home);
    this.#settings = options.settings ?? BACKUP_DEFAULTS;
    this.#destination = parseDestination(this.#settings.destination, this.#home);
    this.#clock = options.clock ?? systemClock;
  }

  /** Where backups go, in words. */
  get destination(): string {
    return this.#store(undefined).name;
  }

  /**
   * Makes a backup.
   *
   * @throws {UserError} If a file cannot be read or the destination cannot be written; earlier backups stay whole.
   */
  async create({ dryRun = false, signal }: BackupWorkOptions = {}): Promise<CreatedBackup> {
    if (!existsSync(this.#home)) {
      throw new UserError(`Cannot back up "${this.#home}": there is no such folder; give --home`);
    }
    using _lock = dryRun ? undefined : await this.#lock({ shared: false });
    const nowMs = this.#clock();
    const { include, exclude, compressionLevel } = this.#settings;
    const state = await readBackupState(this.#home);
    const created = await createBackup(await this.#repositoryToWrite({ dryRun, nowMs, signal }), {
      home: this.#home,
      include,
      exclude: [...exclude ?? [], ...this.#ownFolder()],
      damaged: new Set(state.damaged),
      level: compressionLevel,
      nowMs,
      dryRun,
      signal,
      onWarning: this.#options.onWarning ?? (() => {}),
    });
    const { snapshot, tree } = created;
    if (!dryRun) {
      await this.#remember(state, {
        last_backup: snapshot.id,
        last_backup_at: snapshot.created_at,
        damaged: state.damaged.filter((id) => !Object.hasOwn(snapshot.objects, id)),
        checkpoints: checkpointsIn(tree),
      });
    }
    return created;
  }

  /** Returns all backups, the oldest first. */
  async list(signal?: AbortSignal): Promise<Snapshots> {
    const repository = await this.#repository(signal);
    return repository === undefined
      ? { whole: [], broken: [] }
      : await readSnapshots(repository.store);
  }

  /** Reads backups and tells what is missing or damaged. */
  async verify(options: VerifyOptions = {}): Promise<BackupReport> {
    const repository = await this.#existing(options.signal);
    using _lock = await this.#lock({ shared: true });
    const report = await verifyBackups(repository, options);
    const state = await readBackupState(this.#home);
    if (options.ids === undefined && options.quick !== true && existsSync(this.#home)) {
      const damaged = report.problems.filter(({ blob }) => blob.startsWith(OBJECTS_PREFIX))
        .map(({ blob }) => blob.slice(blob.lastIndexOf("/") + 1));
      await this.#remember(state, {
        last_verified_at: new Date(this.#clock()).toISOString(),
        problems: report.problems.length,
        damaged,
        ...(report.problems.length === 0 ? {} : { checkpoints: {} }), // they may not be there whole
      });
    }
    return report;
  }

  /**
   * Restores a backup to a new place.
   *
   * @param id Its name, the beginning of it, or `latest`.
   * @throws {UserError} If there is none of that name, a piece is missing or damaged, or something is in the place.
   */
  async restore(id: string, options: RestoreOptions): Promise<RestoredBackup> {
    const repository = await this.#existing(options.signal);
    using _lock = await this.#lock({ shared: true });
    const snapshot = findSnapshot(id, {
      snapshots: await readSnapshots(repository.store),
      name: repository.store.name,
    });
    return await restoreBackup(repository, { ...options, to: resolve(options.to), snapshot });
  }

  /** Removes the backups that no rule keeps, with the objects that no other takes. */
  async prune({ dryRun = false, signal }: BackupWorkOptions = {}): Promise<PrunedBackups> {
    const repository = await this.#existing(signal);
    using _lock = dryRun ? undefined : await this.#lock({ shared: false });
    return await pruneBackups(repository, {
      rules: this.#settings,
      nowMs: this.#clock(),
      dryRun,
      signal,
    });
  }

  /** Returns when the next backup and the next verification are due; reads only what the home remembers. */
  async due(): Promise<BackupDue> {
    const { at, verifyDays } = this.#settings;
    const { last_backup_at, last_verified_at } = await readBackupState(this.#home);
    const nowMs = this.#clock();
    const lastMs = last_backup_at === null ? undefined : Date.parse(last_backup_at);
    const backupAtMs = at === null ? null : nextDaily({ at, lastMs, nowMs });
    if (lastMs === undefined || verifyDays === null) return { backupAtMs, verifyAtMs: null };
    const sinceMs = last_verified_at === null ? lastMs : Date.parse(last_verified_at);
    return { backupAtMs, verifyAtMs: sinceMs + verifyDays * DAY_MS };
  }

  /** Returns what the home remembers of its backups. */
  async state(): Promise<BackupState> {
    return await readBackupState(this.#home);
  }

  /** Returns the ids of checkpoints that the last backup holds as they are now, for the retention of checkpoints. */
  async copies(): Promise<ReadonlySet<string>> {
    const { checkpoints } = await readBackupState(this.#home);
    const { runs } = homePaths(this.#home);
    const found = new Set<string>();
    for (const [id, sha256] of Object.entries(checkpoints)) {
      const slash = id.lastIndexOf("/");
      const folder = join(runs, id.slice(0, slash), "checkpoints", id.slice(slash + 1));
      try {
        const manifest = await Deno.readFile(join(folder, "manifest.json"));
        if (contentId(manifest) === sha256) found.add(id);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return found;
  }

  #store(signal: AbortSignal | undefined): BlobStore {
    const { env = {}, wrapStore = (store: BlobStore) => store } = this.#options;
    return wrapStore(openStore(this.#destination, { settings: this.#settings, env, signal }));
  }

  async #repository(signal: AbortSignal | undefined): Promise<Repository | undefined> {
    return await openRepository(this.#store(signal), this.#options.secrets ?? {});
  }

  async #existing(signal: AbortSignal | undefined): Promise<Repository> {
    const repository = await this.#repository(signal);
    if (repository !== undefined) return repository;
    throw new UserError(
      `Cannot find backups in "${this.destination}": there are none; make one with: llm-training backup create`,
    );
  }

  async #repositoryToWrite(
    { dryRun, nowMs, signal }: {
      readonly dryRun: boolean;
      readonly nowMs: number;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<Repository> {
    const store = this.#store(signal);
    const { secrets = {} } = this.#options;
    const recipients = this.#settings.recipients ?? [];
    const repository = await openRepository(store, secrets);
    if (repository === undefined) {
      const target = dryRun ? { ...store, put: () => Promise.resolve() } : store;
      return await createRepository(target, { recipients, secrets, nowMs });
    }
    refuseOtherRecipients(repository, { recipients, secrets });
    return repository;
  }

  /** A folder of backups inside the home is not part of them. */
  #ownFolder(): readonly string[] {
    if (this.#destination.kind !== "folder") return [];
    const path = pathWithin(this.#home, this.#destination.path);
    return path === undefined ? [] : [path];
  }

  async #lock({ shared }: { readonly shared: boolean }): Promise<Disposable | undefined> {
    const path = lockPathOf(this.#destination, this.#home);
    if (shared && !existsSync(dirname(path))) return undefined; // nobody else can be there
    const lock = await lockWhereWritable(path, shared);
    if (lock !== undefined) return lock;
    throw new UserError(
      `Cannot use the backups in "${this.destination}": another process works on them; wait for it`,
    );
  }

  async #remember(state: BackupState, news: Partial<BackupState>): Promise<void> {
    const { destination } = this;
    const known = state.destination === destination ? state : { ...state, last_verified_at: null };
    await writeBackupState(this.#home, { ...known, ...news, destination });
  }
}

/** Backups on a disk that is read-only can be restored: nobody writes there. */
async function lockWhereWritable(path: string, shared: boolean): Promise<Disposable | undefined> {
  try {
    return await tryLockFile(path, { shared });
  } catch (error) {
    if (shared && error instanceof UserError) return { [Symbol.dispose]() {} };
    throw error;
  }
}

function findSnapshot(
  id: string,
  { snapshots, name }: { readonly snapshots: Snapshots; readonly name: string },
): NamedSnapshot {
  const { whole, broken } = snapshots;
  const newest = whole.at(-1);
  if (id === "latest" && newest !== undefined) return newest;
  const found = whole.filter((each) => each.id.startsWith(id));
  if (found.length === 1) return found[0]!;
  const damaged = broken.find((each) => each.id.startsWith(id));
  if (damaged !== undefined) throw new UserError(damaged.problem);
  const state = found.length > 1 ? `${found.length} begin with that` : "there is none of that name";
  throw new UserError(
    `Cannot restore backup "${id}" from "${name}": ${state}; llm-training backup list shows all`,
  );
}
