/**
 * What the daemon does besides jobs: old checkpoints go by the rules of retention, backups are made and verified when
 * they are due.
 *
 * @module
 */

import { join } from "node:path";
import type { BackupManager } from "../../management/backup_manager.ts";
import type { JobState } from "../../management/job_queue/job.ts";
import {
  type Reference,
  RetentionManager,
  type RetentionSettings,
} from "../../management/retention_manager.ts";
import { deployedFolders } from "../../monitoring/deployment/deployed_models.ts";
import { messageOf } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import type { DaemonContext } from "./context.ts";
import { parseTrainPayload, runName, TRAIN_JOB } from "./job_payload.ts";
import { createWake } from "./wake.ts";

/** What the home is kept in order by. */
export interface UpkeepRules {
  /** Which checkpoints stay. */
  readonly retention: RetentionSettings;
  /** Where backups go, and when. */
  readonly backups: BackupManager;
}

/** Something that is done again and again. */
interface Chore {
  readonly name: string;
  /** Says when it is due, in milliseconds since 1970; null if never. */
  dueAtMs(): Promise<number | null>;
  /** Does it, and returns what is worth telling. */
  run(signal: AbortSignal): Promise<string | undefined>;
}

/** How long a chore that has failed waits. */
const RETRY_MS = 600_000;

const HOUR_MS = 3_600_000;

/** Jobs that go on from the newest checkpoint of their run. */
const UNFINISHED: readonly JobState[] = ["queued", "running", "paused"];

/** How long it takes at most until what is due is done. */
const LOOK_MS = 60_000;

/** What keeping in order takes of the daemon. */
type UpkeepContext = Omit<DaemonContext, "persist">;

/** Does what is due, whatever else goes on, until `signal` fires. */
export async function keepInOrder(
  context: UpkeepContext,
  { rules, signal }: { readonly rules: UpkeepRules; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, log } = context;
  const { wait } = createWake(signal);
  const chores = [pruning(context, rules), backingUp(rules.backups), verifying(rules.backups)];
  const retryAtMs = new Map<string, number>();
  while (!signal.aborted) {
    for (const { name, dueAtMs, run } of chores) {
      if (signal.aborted) return;
      if ((retryAtMs.get(name) ?? 0) > clock()) continue;
      try {
        const due = await dueAtMs();
        if (due === null || due > clock()) continue;
        const news = await run(signal);
        if (news !== undefined) log({ level: "info", message: news });
      } catch (error) {
        if (signal.aborted) return;
        retryAtMs.set(name, clock() + RETRY_MS);
        log({ level: "error", message: `${name}: ${messageOf(error)}` });
      }
    }
    await wait(LOOK_MS);
  }
}

function pruning(context: UpkeepContext, { retention, backups }: UpkeepRules): Chore {
  const { paths, settings, clock } = context;
  const { pruneHours } = settings;
  const manager = new RetentionManager({
    home: join(paths.settings, ".."),
    settings: retention,
    references: async () => [
      ...await unfinishedRuns(context),
      ...deployedFolders(paths.state).map((each) => ({ ...each, kind: "deployed" as const })),
    ],
    copies: () => backups.copies(),
    clock,
  });
  let nextAtMs = clock();
  return {
    name: "Checkpoints were not pruned",
    dueAtMs: () => Promise.resolve(pruneHours === null ? null : nextAtMs),
    async run(signal) {
      nextAtMs = clock() + pruneHours! * HOUR_MS;
      const { plan, failures } = await manager.prune({ signal });
      for (const { id, message } of failures) {
        context.log({ level: "warn", message: `Checkpoint "${id}" stays: ${message}` });
      }
      const gone = plan.lines.filter(({ action }) => action !== "keep").length - failures.length;
      return gone > 0 ? `Retention let ${gone} checkpoints go` : undefined;
    },
  };
}

function backingUp(backups: BackupManager): Chore {
  return {
    name: "No backup was made",
    dueAtMs: async () => (await backups.due()).backupAtMs,
    async run(signal) {
      const { snapshot } = await backups.create({ signal });
      await backups.prune({ signal });
      return `Made backup ${snapshot.id} of ${snapshot.files} files, ${
        formatBytes(snapshot.size_bytes)
      }, in ${backups.destination}`;
    },
  };
}

function verifying(backups: BackupManager): Chore {
  return {
    name: "Backups were not verified",
    dueAtMs: async () => (await backups.due()).verifyAtMs,
    async run(signal) {
      const { problems } = await backups.verify({ signal });
      if (problems.length === 0) return "Verified the backups: all is there and whole";
      throw new Error(
        `${problems.length} pieces are missing or damaged, the first is ${problems[0]!.blob}; ` +
          "llm-training backup verify shows all",
      );
    },
  };
}

/** Says of which runs jobs still need the newest checkpoint. */
async function unfinishedRuns({ queue, paths }: UpkeepContext): Promise<readonly Reference[]> {
  const jobs = await queue.list({ states: UNFINISHED, kinds: [TRAIN_JOB] });
  return jobs.map(({ id, payload }) => ({
    path: join(paths.runs, runName(parseTrainPayload(payload), id)),
    kind: "unfinished",
    words: `job ${id} goes on from it`,
  }));
}
