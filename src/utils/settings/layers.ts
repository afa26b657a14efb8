/**
 * From what several places say of the settings to one value of each, and where it comes from.
 *
 * @module
 */

import type { AnySettings } from "./setting.ts";

/** The places that settings come from, from the weakest on. */
export const SETTING_ORIGINS = ["default", "home", "run", "config", "flag"] as const;

/** A place that settings come from: the file in the home folder, the run that goes on, `--config` … */
export type SettingOrigin = (typeof SETTING_ORIGINS)[number];

/** Where a value comes from. */
export interface SettingSource {
  /** The kind of place. */
  readonly origin: SettingOrigin;
  /** The flag, or file, line and column. */
  readonly place?: string;
}

/** A value, and where it comes from. */
export interface GivenSetting {
  /** As the decoder of the setting gives it; `undefined` if it must be given and is not. */
  readonly value: unknown;
  /** Where it comes from. */
  readonly source: SettingSource;
}

/** Settings by key: those that one place gives, or all. */
export type GivenSettings = Readonly<Record<string, GivenSetting>>;

/** Returns every setting of `table`, of which `layers` give some, the weakest first. */
export function resolveSettings(
  table: AnySettings,
  layers: readonly GivenSettings[],
): GivenSettings {
  const unset = Object.entries(table).map(([key, setting]) =>
    [key, { value: setting.default, source: { origin: "default" } }] as const
  );
  let resolved: GivenSettings = Object.fromEntries(unset);
  for (const layer of layers) resolved = overlay(resolved, { layer, table });
  return resolved;
}

/** Returns `settings` with those of a stronger layer put in, and without those that they replace. */
export function overlay(
  settings: GivenSettings,
  { layer, table }: { readonly layer: GivenSettings; readonly table: AnySettings },
): GivenSettings {
  const replaced: Record<string, GivenSetting> = {};
  for (const [key, given] of Object.entries(layer)) {
    if (given.value === null) continue;
    for (const other of table[key]?.replaces ?? []) {
      if (settings[other] === undefined || settings[other].source.origin === "default") continue;
      replaced[other] = { value: table[other]?.default, source: given.source };
    }
  }
  return { ...settings, ...replaced, ...layer };
}

/** Returns the values of settings. */
export function valuesOf(settings: GivenSettings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
}

/** Says in a few words where a value comes from. */
export function describeSource({ origin, place }: SettingSource): string {
  return place ?? origin;
}
