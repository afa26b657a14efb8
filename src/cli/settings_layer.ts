/**
 * Reads a file of settings for one command.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import type { PathContext } from "../utils/paths.ts";
import { decodeSettings, type Respelling } from "../utils/settings/decode_settings.ts";
import type { GivenSettings, SettingOrigin } from "../utils/settings/layers.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { readSettingsFile, type SettingEntry } from "../utils/settings/settings_file.ts";
import { SECTIONS, TRAIN_SETTINGS } from "./settings_sections.ts";

/** The key by which editors find the schema of a file. */
const SCHEMA_KEY = "$schema";

/** Options of {@linkcode readLayer}. */
export interface ReadLayerOptions {
  /** The command's name, which is that of its section. */
  readonly command: string;
  /** The settings of the command. */
  readonly table: AnySettings;
  /** What the file is. */
  readonly origin: SettingOrigin;
  /** What paths that begin with `~/` mean. */
  readonly context: PathContext;
  /** Told of what is odd. */
  readonly onWarning: (message: string) => void;
}

/**
 * Reads what the file `path` says of the settings of a command, and checks all of the file.
 *
 * @throws {UserError} If it cannot be read, or a key or value in it cannot be.
 */
export async function readLayer(path: string, options: ReadLayerOptions): Promise<GivenSettings> {
  const { command, table, origin, context, onWarning } = options;
  const file = await readSettingsFile(path);
  const respellings: Respelling[] = [];
  const decoding = {
    path,
    origin,
    userFolder: context.env.HOME || context.env.USERPROFILE,
    onRespelling: (respelling: Respelling) => respellings.push(respelling),
  };
  const isSection = ({ key }: SettingEntry) => Object.hasOwn(SECTIONS, key);
  const top = decodeSettings(
    file.entries.filter((entry) => entry.key !== SCHEMA_KEY && !isSection(entry)),
    { ...decoding, table: TRAIN_SETTINGS, otherKeys: Object.keys(SECTIONS) },
  );
  let own: GivenSettings = {};
  for (const { key, entries, place } of file.entries.filter(isSection)) {
    if (entries === undefined) {
      throw new UserError(`Cannot read "${place}" as "${key}" must be an object: it is a section`);
    }
    const { settings } = SECTIONS[key]!;
    if (settings !== null) {
      const section = decodeSettings(entries, { ...decoding, table: settings });
      if (key === command) own = section;
    } else if (origin === "config") {
      onWarning(`${place}: section "${key}" does nothing here; it is not of ${command}`);
    }
  }
  if (respellings.length > 0) onWarning(respelt(path, respellings));
  const shared = Object.entries(top).filter(([key]) => Object.hasOwn(table, key));
  return { ...Object.fromEntries(shared), ...own };
}

function respelt(path: string, respellings: readonly Respelling[]): string {
  const pairs = respellings.map(({ key, setting }) => `"${key}" is "${setting}"`);
  return `${path}: settings are spelt otherwise now: ${[...new Set(pairs)].join(", ")}`;
}
