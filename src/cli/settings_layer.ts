/**
 * Reads a file of settings for one command.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { PYTHON_PLATFORM } from "../core/training/python_platform.ts";
import type { PathContext } from "../utils/paths.ts";
import { decodeSettings, type Respelling } from "../utils/settings/decode_settings.ts";
import type { GivenSettings, SettingOrigin } from "../utils/settings/layers.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { readSettingsFile, type SettingEntry } from "../utils/settings/settings_file.ts";
import { translateSettings } from "../utils/settings/translate.ts";
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
  const renames: Respelling[] = [];
  const reasons = new Map<string, string[]>();
  const onRename = (rename: Respelling) => void renames.push(rename);
  const onNothing = ({ key, reason }: { readonly key: string; readonly reason: string }) =>
    void reasons.set(reason, [...reasons.get(reason) ?? [], `"${key}"`]);
  const decoding = {
    path,
    origin,
    userFolder: context.env.HOME || context.env.USERPROFILE,
    onRespelling: onRename,
  };
  const read = file.entries.filter(({ key }) => {
    if (key.startsWith("_")) onNothing({ key, reason: "they are taken for comments" });
    return key !== SCHEMA_KEY && !key.startsWith("_");
  });
  const entries = translateSettings(read, {
    table: PYTHON_PLATFORM,
    report: { onRename, onNothing, onWarning },
  });
  const isSection = ({ key }: SettingEntry) => Object.hasOwn(SECTIONS, key);
  const top = decodeSettings(
    entries.filter((entry) => !isSection(entry)),
    { ...decoding, table: TRAIN_SETTINGS, otherKeys: Object.keys(SECTIONS) },
  );
  let own: GivenSettings = {};
  for (const { key, entries: keys, place } of entries.filter(isSection)) {
    if (keys === undefined) {
      throw new UserError(`Cannot read "${place}" as "${key}" must be an object: it is a section`);
    }
    const { settings } = SECTIONS[key]!;
    if (settings !== null) {
      const section = decodeSettings(keys, { ...decoding, table: settings });
      if (key === command) own = section;
    } else if (origin === "config") {
      onNothing({ key, reason: `they are sections of other commands than ${command}` });
    }
  }
  if (renames.length > 0) onWarning(renamed(path, renames));
  for (const [reason, keys] of reasons) {
    onWarning(`${path}: without effect: ${keys.join(", ")} (${reason})`);
  }
  const shared = Object.entries(top).filter(([key]) => Object.hasOwn(table, key));
  return { ...Object.fromEntries(shared), ...own };
}

function renamed(path: string, renames: readonly Respelling[]): string {
  const pairs = renames.map(({ key, setting }) => `"${key}" is "${setting}"`);
  return `${path}: settings have other names now: ${[...new Set(pairs)].join(", ")}`;
}
