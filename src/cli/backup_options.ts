/**
 * The options by which commands find the backups of a home.
 *
 * @module
 */

import type { Command } from "commander";
import { BackupManager, type BackupSettings, type Secrets } from "../management/backup_manager.ts";
import { BACKUP_SETTINGS } from "../management/backup/settings.ts";
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { type GivenSettings, resolveSettings, valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { resolve } from "node:path";
import { warnOfSettings } from "./config_options.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { readHome } from "./settings_layer.ts";

const TABLE = anySettings(BACKUP_SETTINGS);

/** The variable that holds the passphrase of backups, so that it need not be seen on the command line. */
const PASSPHRASE_VARIABLE = "LLM_TRAINING_BACKUP_PASSPHRASE";

/** What every command of `backup` takes. */
export interface BackupOptions extends HomeOption {
  /** Whether JSON is printed. */
  readonly json?: boolean;
  /** A file with secret keys. */
  readonly identity?: string;
  /** A file with a passphrase. */
  readonly passphraseFile?: string;
}

/** Adds the options of backups to `command`. */
export function addBackupOptions(command: Command): Command {
  return addSettingFlags(
    addHomeOption(command)
      .option("--json", "print one JSON object")
      .option("--identity <file>", "a file with a secret key of age, to read encrypted backups")
      .option(
        "--passphrase-file <file>",
        `a file with the passphrase of encrypted backups (default: $${PASSPHRASE_VARIABLE}); the first backup at a ` +
          "destination that is given one is encrypted",
      ),
    TABLE,
  );
}

/** Opens the backups that the options mean. */
export async function openBackups(
  options: BackupOptions,
  command: Command,
): Promise<BackupManager> {
  const { home, context } = findHome(options);
  const reader = { command: "backup", table: TABLE, context, onWarning: warnOfSettings };
  const flags = flagSettings(command, {
    table: TABLE,
    cwd: context.cwd,
    onWarning: warnOfSettings,
  });
  const settings = resolveSettings(TABLE, [await readHome(reader), located(flags, context.cwd)]);
  return new BackupManager({
    home,
    settings: valuesOf(settings) as unknown as BackupSettings, // every value was decoded by its setting
    secrets: await readSecrets(options, context.env),
    env: context.env,
    onWarning: warnOfSettings,
  });
}

/** Opens the backups that the settings of a home mean, as the daemon does. */
export async function openHomeBackups({ home, context }: HomePlace): Promise<BackupManager> {
  const reader = { command: "backup", table: TABLE, context, onWarning: () => {} };
  const settings = resolveSettings(TABLE, [await readHome(reader)]);
  return new BackupManager({
    home,
    settings: valuesOf(settings) as unknown as BackupSettings, // every value was decoded by its setting
    secrets: await readSecrets({}, context.env),
    env: context.env,
    onWarning: warnOfSettings,
  });
}

/** A folder on the command line is relative to the current one; what the home's file names is relative to that. */
function located(flags: GivenSettings, cwd: string): GivenSettings {
  const given = flags["destination"];
  if (given === undefined || typeof given.value !== "string" || given.value.includes("://")) {
    return flags;
  }
  return { ...flags, destination: { ...given, value: resolve(cwd, given.value) } };
}

async function readSecrets(
  { identity, passphraseFile }: BackupOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Secrets> {
  const passphrase = passphraseFile === undefined
    ? env[PASSPHRASE_VARIABLE] || undefined
    : (await readText(passphraseFile)).replace(/\r?\n$/, "");
  if (passphrase === "") {
    throw new UserError(`Cannot use the passphrase in "${passphraseFile}": the file is empty`);
  }
  if (identity === undefined) return { passphrase };
  const identities = (await readText(identity)).split(/\r?\n/).map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (identities.length === 0 || !identities.every((line) => /^AGE-SECRET-KEY-/i.test(line))) {
    throw new UserError(
      `Cannot use "${identity}" as a secret key of age: it must hold lines that begin with AGE-SECRET-KEY-`,
    );
  }
  return { passphrase, identities };
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}
