/**
 * The options of commands whose settings may also come from files.
 *
 * @module
 */

import type { Command } from "commander";
import type { GivenSettings } from "../utils/settings/layers.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { settingsJson, settingsTable } from "./print_settings.ts";
import { print, printError } from "./terminal.ts";

/** What the options give. */
export interface ConfigOptions {
  /** The file. */
  readonly config?: string;
  /** Whether the settings are only printed. */
  readonly printConfig?: boolean;
}

/** Adds `--config` and `--print-config` to `command`. */
export function addConfigOptions(command: Command): Command {
  return command
    .option(
      "--config <file>",
      "a file of settings, JSON or YAML; flags go before it, the home's settings after it",
    )
    .option("--print-config", "only print each setting, its value and where that comes from");
}

/** Prints settings with their sources. */
export function printSettings(
  settings: GivenSettings,
  { table, json }: { readonly table: AnySettings; readonly json: boolean },
): void {
  print(json ? settingsJson(settings) : settingsTable(settings, table));
}

/** Tells of something odd in the settings. */
export function warnOfSettings(message: string): void {
  printError(`warning: ${message}`);
}
