/**
 * Reads a file of settings for one command.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { PYTHON_PLATFORM } from "../core/training/python_platform.ts";
import { UserError } from "../utils/errors.ts";
import { homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import { decodeSettings, type Respelling } from "../utils/settings/decode_settings.ts";
import { type GivenSettings, overlay, type SettingOrigin } from "../utils/settings/layers.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { readSettingsFile, type SettingEntry } from "../utils/settings/settings_file.ts";
import { translateSettings } from "../utils/settings/translate.ts";
import { withoutPlatformKeys } from "./platform_sections.ts";
import { SECTIONS, SHARED_SETTINGS, TRAIN_SETTINGS } from "./settings_sections.ts";

/** The key by which editors find the schema of a file. */
const SCHEMA_KEY = "$schema";

/** What a command reads files of settings with. */
export interface SettingsReader {
  /** The command's name, which is that of its section. */
  readonly command: string;
  /** The settings of the command. */
  readonly table: AnySettings;
  /** What paths depend on. */
  readonly context: PathContext;
  /** Told of what is odd. */
  readonly onWarning: (message: string) => void;
}

/**
 * Returns the settings of the file that `--config` names; without one, none.
 *
 * @throws {UserError} If it cannot be read, or a key or value in it cannot be.
 */
export async function readConfig(
  path: string | undefined,
  reader: SettingsReader,
): Promise<GivenSettings> {
  if (path === undefined) return {};
  return await readLayer(resolve(reader.context.cwd, path), { ...reader, origin: "config" });
}

/**
 * Returns the settings of the file in the home folder; without one, none.
 *
 * @throws {UserError} If it cannot be read, or a key or value in it cannot be.
 */
export async function readHome(reader: SettingsReader): Promise<GivenSettings> {
  const path = homePaths(resolveHome(reader.context).path).settings;
  return existsSync(path) ? await readLayer(path, { ...reader, origin: "home" }) : {};
}

/**
 * Reads what the file `path` says of the settings of a command, and checks all of the file.
 *
 * @throws {UserError} If it cannot be read, or a key or value in it cannot be.
 */
export async function readLayer(
  path: string,
  options: SettingsReader & { readonly origin: SettingOrigin },
): Promise<GivenSettings> {
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
  const sections = withoutPlatformKeys(entries.filter(isSection), { onNothing });
  for (const { key, entries: keys, place } of sections) {
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
  const ofCommand = Object.entries(top).filter(([key]) =>
    Object.hasOwn(table, key) && (command === "train" || SHARED_SETTINGS.includes(key))
  );
  return overlay(Object.fromEntries(ofCommand), { layer: own, table });
}

function renamed(path: string, renames: readonly Respelling[]): string {
  const pairs = renames.map(({ key, setting }) => `"${key}" is "${setting}"`);
  return `${path}: settings have other names now: ${[...new Set(pairs)].join(", ")}`;
}
