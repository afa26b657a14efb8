/**
 * From the keys of a file to settings: strictly, with the line of what is wrong.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { resolvePaths } from "../path_list.ts";
import type { GivenSetting, GivenSettings, SettingOrigin } from "./layers.ts";
import { splitNamedPlace } from "./named_place.ts";
import { decoderOf } from "./rules.ts";
import type { AnySetting, AnySettings } from "./setting.ts";
import type { SettingEntry } from "./settings_file.ts";
import { findSetting, suggestSetting } from "./spelling.ts";

/** A key that a file spells otherwise than settings are spelt. */
export interface Respelling {
  /** As the file has it. */
  readonly key: string;
  /** What it stands for. */
  readonly setting: string;
}

/** Options of {@linkcode decodeSettings}. */
export interface DecodeSettingsOptions {
  /** The settings that there are. */
  readonly table: AnySettings;
  /** What the file is. */
  readonly origin: SettingOrigin;
  /** The file's path; paths in it are relative to its folder. */
  readonly path: string;
  /** The user's folder, for paths that begin with `~/`. */
  readonly userFolder?: string | undefined;
  /** Names of further keys that may have been meant. @default {[]} */
  readonly otherKeys?: readonly string[];
  /** Told of other spellings. */
  readonly onRespelling?: (respelling: Respelling) => void;
}

/**
 * Decodes the keys of a file.
 *
 * @throws {UserError} If a key is unknown, given twice, or has an impossible value.
 */
export function decodeSettings(
  entries: readonly SettingEntry[],
  options: DecodeSettingsOptions,
): GivenSettings {
  const { table, origin, onRespelling = () => {} } = options;
  const given: Record<string, GivenSetting> = {};
  for (const { key, value, place } of entries) {
    const name = findSetting(key, table);
    const setting = name === undefined ? undefined : table[name];
    if (name === undefined || setting === undefined) throw unknownKey({ key, place }, options);
    const before = given[name];
    if (before !== undefined) {
      throw new UserError(
        `Cannot read "${place}": "${key}" is "${name}", which ${before.source.place} gives already; leave one out`,
      );
    }
    if (key !== name) onRespelling({ key, setting: name });
    const decoded = decoderOf(setting)(value, { source: place, key });
    given[name] = { value: located(decoded, { setting, options }), source: { origin, place } };
  }
  return given;
}

function unknownKey(
  { key, place }: Pick<SettingEntry, "key" | "place">,
  { table, otherKeys = [] }: DecodeSettingsOptions,
): UserError {
  const others = Object.fromEntries(otherKeys.map((each) => [each, UNKNOWN]));
  const meant = suggestSetting(key, { ...table, ...others });
  return new UserError(
    `Cannot read "${place}": "${key}" is not a setting; ${
      meant === undefined
        ? "llm-training config schema lists all, docs/configuration.md explains them"
        : `did you mean "${meant}"?`
    }`,
  );
}

const UNKNOWN: AnySetting = { kind: "text", help: "" };

/** Makes a path absolute that is relative to the file; what may be a name stays one unless there is such a folder. */
function located(
  value: unknown,
  { setting, options }: { readonly setting: AnySetting; readonly options: DecodeSettingsOptions },
): unknown {
  const { path, userFolder } = options;
  const folder = dirname(path);
  if (setting.kind === "namedPlaces" && Array.isArray(value)) {
    return value.map((each) => {
      const { name, place } = splitNamedPlace(each);
      const found = placeOf(place, { folder, userFolder });
      return name === undefined ? found : `${name}=${found}`;
    });
  }
  if (typeof value !== "string") return value;
  switch (setting.kind) {
    case "paths":
      return resolvePaths(value, folder, userFolder);
    case "path":
      return resolve(folder, inUserFolder(value, userFolder) ?? value);
    case "place":
      return setting.names?.includes(value) ? value : placeOf(value, { folder, userFolder });
  }
  return value;
}

interface Folders {
  readonly folder: string;
  readonly userFolder: string | undefined;
}

function placeOf(place: string, { folder, userFolder }: Folders): string {
  return inUserFolder(place, userFolder) ??
    (/^\.{1,2}(?:[/\\]|$)/.test(place) || existsSync(join(folder, place))
      ? resolve(folder, place)
      : place);
}

function inUserFolder(path: string, userFolder: string | undefined): string | undefined {
  return path.startsWith("~/") && userFolder !== undefined
    ? join(userFolder, path.slice(2))
    : undefined;
}
