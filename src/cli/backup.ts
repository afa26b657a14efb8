/**
 * `backup`: backups of a home.
 *
 * @module
 */

import type { Command } from "commander";
import type { BackupManager } from "../management/backup_manager.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { addBackupOptions, type BackupOptions, openBackups } from "./backup_options.ts";
import { createdLines, listLines, pruneLines, reportLines } from "./backup_tables.ts";
import { counted } from "./counted.ts";
import { interruptible } from "./interrupt.ts";
import { repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

interface DryRunOptions extends BackupOptions {
  readonly dryRun?: boolean;
}

interface VerifyCommandOptions extends BackupOptions {
  readonly quick?: boolean;
}

interface RestoreCommandOptions extends BackupOptions {
  readonly to: string;
  readonly only?: readonly string[];
  readonly replace?: boolean;
}

/** Adds `backup` and its commands to `program`. */
export function registerBackup(program: Command): void {
  const backup = program.command("backup").description(
    'Back up a home to a folder or an S3 bucket. The section "backup" of the home\'s settings says where to; flags go ' +
      "before it.",
  );
  addExamples(backup, [
    "llm-training backup create --destination /mnt/backups",
    "llm-training backup verify",
    "llm-training backup restore latest --to /data/restored",
  ]);
  registerCreate(backup);
  registerList(backup);
  registerVerify(backup);
  registerRestore(backup);
  registerPrune(backup);
}

function registerCreate(backup: Command): void {
  const create = addBackupOptions(
    backup.command("create")
      .description(
        "Make a backup: what an earlier one has already is not written again, and all that is written is read back.",
      )
      .option("--dry-run", "only tell what would be written"),
  ).action((options: DryRunOptions) =>
    withBackups(options, create, async (backups, signal) => {
      const { dryRun = false, json } = options;
      const { snapshot } = await backups.create({ dryRun, signal });
      const { objects, tree: _, ...record } = snapshot;
      const count = Object.keys(objects).length;
      if (json) {
        print(JSON.stringify(
          { ...record, dry_run: dryRun, destination: backups.destination, objects: count },
          null,
          2,
        ));
      } else createdLines(snapshot, { dryRun, destination: backups.destination }).forEach(print);
    })
  );
  addExamples(create, [
    "llm-training backup create",
    "llm-training backup create --destination s3://my-bucket/llm --s3-endpoint https://s3.example.org",
    "llm-training backup create --recipients age1qz… --dry-run",
  ]);
}

function registerList(backup: Command): void {
  const list = addBackupOptions(backup.command("list").description("List all backups."))
    .action((options: BackupOptions) =>
      withBackups(options, list, async (backups, signal) => {
        const snapshots = await backups.list(signal);
        if (options.json) {
          const all = snapshots.whole.map(({ objects, tree: _, ...record }) => ({
            ...record,
            objects: Object.keys(objects).length,
          }));
          const { destination } = backups;
          print(JSON.stringify({ destination, backups: all, damaged: snapshots.broken }, null, 2));
        } else listLines(snapshots, backups.destination).forEach(print);
      })
    );
  addExamples(list, ["llm-training backup list", "llm-training backup list --json"]);
}

function registerVerify(backup: Command): void {
  const verify = addBackupOptions(
    backup.command("verify [backups...]")
      .description(
        "Read all backups, or those that are named, and tell what is missing or damaged.",
      )
      .option("--quick", "only look whether all is there in its size"),
  ).action((ids: readonly string[], options: VerifyCommandOptions) =>
    withBackups(options, verify, async (backups, signal) => {
      const { quick = false, json } = options;
      const report = await backups.verify({
        quick,
        signal,
        ...(ids.length === 0 ? {} : { ids }),
      });
      if (json) {
        print(JSON.stringify({ ...report, valid: report.problems.length === 0, quick }, null, 2));
      } else reportLines(report, { quick }).forEach(print);
      if (report.problems.length === 0) return;
      const { problems: { length } } = report;
      throw new UserError(
        `Cannot rely on the backups in "${backups.destination}": ${length} of their parts ${
          length === 1 ? "is" : "are"
        } missing or damaged; backup create writes anew what the home still has`,
      );
    })
  );
  addExamples(verify, ["llm-training backup verify", "llm-training backup verify --quick --json"]);
}

function registerRestore(backup: Command): void {
  const restore = addBackupOptions(
    backup.command("restore [backup]")
      .description(
        "Restore a backup, by its name or the newest, to a new folder. Every piece is verified before the folder gets its " +
          "name, so that it is there whole or not at all.",
      )
      .requiredOption("--to <folder>", "the folder that becomes the home")
      .option(
        "--only <path>",
        "restore only this file or folder of the home; may be given several times",
        repeatedOption,
      )
      .option("--replace", "put a folder aside that is there, as <folder>.before-<backup>"),
  ).action((id: string | undefined, options: RestoreCommandOptions) =>
    withBackups(options, restore, async (backups, signal) => {
      const { to, only, replace = false, json } = options;
      const restored = await backups.restore(id ?? "latest", {
        to,
        replace,
        signal,
        ...(only === undefined ? {} : { only }),
      });
      if (json) {
        const { path, before, files, sizeBytes } = restored;
        print(JSON.stringify({ path, before, files, size_bytes: sizeBytes }, null, 2));
        return;
      }
      print(
        `restored ${counted(restored.files, "file")}, ${
          formatBytes(restored.sizeBytes)
        }, to ${restored.path}`,
      );
      if (restored.before !== null) print(`what was there is now ${restored.before}`);
    })
  );
  addExamples(restore, [
    "llm-training backup restore --to /data/restored",
    "llm-training backup restore latest --to /data/old-run --only runs/my-run",
    "llm-training backup restore 20261126T030000Z --to ~/llm --replace --destination s3://my-bucket/llm",
  ]);
}

function registerPrune(backup: Command): void {
  const prune = addBackupOptions(
    backup.command("prune")
      .description("Remove the backups that no rule keeps, and what only they needed.")
      .option("--dry-run", "only tell what would go"),
  ).action((options: DryRunOptions) =>
    withBackups(options, prune, async (backups, signal) => {
      const { dryRun = false, json } = options;
      const pruned = await backups.prune({ dryRun, signal });
      if (json) {
        const { lines, objects, freedBytes, blocked } = pruned;
        print(JSON.stringify(
          {
            dry_run: dryRun,
            backups: lines.map(({ snapshot: { id, created_at }, action, reasons }) => ({
              id,
              created_at,
              action,
              reasons,
            })),
            objects,
            freed_bytes: freedBytes,
            blocked,
          },
          null,
          2,
        ));
      } else pruneLines(pruned, { dryRun }).forEach(print);
      if (pruned.blocked !== null) {
        printError(`warning: no objects were removed: ${pruned.blocked}`);
      }
    })
  );
  addExamples(prune, [
    "llm-training backup prune --dry-run",
    "llm-training backup prune --keep-last 5 --keep-daily 14",
  ]);
}

async function withBackups(
  options: BackupOptions,
  command: Command,
  work: (backups: BackupManager, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const backups = await openBackups(options, command);
  await interruptible((signal) => work(backups, signal));
}
