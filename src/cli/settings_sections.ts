/**
 * What a file of settings may hold: the settings of a run, and a section for each other part of the program.
 *
 * @module
 */

import { DAEMON_SETTINGS } from "../core/daemon/settings.ts";
import { SERVE_SETTINGS } from "../inference/serve_settings.ts";
import { BACKUP_SETTINGS } from "../management/backup/settings.ts";
import { RETENTION_SETTINGS } from "../management/retention/settings.ts";
import {
  CANARY_SETTINGS,
  DEPLOYMENT_SETTINGS,
  GATE_SETTINGS,
} from "../monitoring/deployment/settings.ts";
import { TRAINING_SETTINGS } from "../core/training/settings.ts";
import { type AnySetting, type AnySettings, anySettings } from "../utils/settings/setting.ts";

/** The folder of a run, which is no setting of it. */
const OUTPUT: AnySetting = {
  kind: "path",
  default: null,
  otherwise: "a new one in the home's runs",
  value: "folder",
  help: "folder of the run",
  aliases: ["output_dir"],
};

/** The settings of `train`: those of a run, and where it goes. */
export const TRAIN_SETTINGS: AnySettings = {
  ...anySettings(TRAINING_SETTINGS),
  output: OUTPUT,
};

/** A part of a file that has a name. */
export interface SettingsSection {
  /** What it is for, in a line. */
  readonly help: string;
  /** Its settings; `null` where a later version brings them. */
  readonly settings: AnySettings | null;
}

/** Every section. What else a file holds at its top are settings of `train`. */
export const SECTIONS: Readonly<Record<string, SettingsSection>> = {
  train: {
    help: "settings of train, before those at the top of the file",
    settings: TRAIN_SETTINGS,
  },
  serve: { help: "settings of serve", settings: anySettings(SERVE_SETTINGS) },
  daemon: { help: "settings of the daemon", settings: anySettings(DAEMON_SETTINGS) },
  retention: { help: "which checkpoints stay", settings: anySettings(RETENTION_SETTINGS) },
  backup: {
    help: "where backups go, when, and how long they stay",
    settings: anySettings(BACKUP_SETTINGS),
  },
  deployment: {
    help: "which servers models are deployed to, and what they must have shown",
    settings: anySettings(DEPLOYMENT_SETTINGS),
  },
};

/** Objects of settings inside a section; on the command line each of theirs has a flag. */
export const GROUPS: Readonly<Record<string, AnySettings>> = {
  gate: anySettings(GATE_SETTINGS),
  canary: anySettings(CANARY_SETTINGS),
};

/** Settings at the top of a file that other commands than `train` have too. */
export const SHARED_SETTINGS: readonly string[] = ["model", "device", "threads"];
