/**
 * Settings with their sources, as `--print-config` prints them.
 *
 * @module
 */

import type { GivenSettings, SettingSource } from "../utils/settings/layers.ts";
import { type AnySettings, defaultWords, isRequired } from "../utils/settings/setting.ts";

/** Returns the settings as JSON: `{key: {value, source, place}}`, where the place is a flag, or a line of a file. */
export function settingsJson(settings: GivenSettings): string {
  const entries = Object.entries(settings).map(([key, { value = null, source }]) =>
    [key, { value, source: source.origin, place: source.place }] as const
  );
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

/** Returns the settings as lines of setting, value and source. */
export function settingsTable(settings: GivenSettings, table: AnySettings): string {
  const rows = Object.entries(settings).map(([key, { value, source }]) =>
    [key, shown(key, { value, table }), sourceWords(source)] as const
  );
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd())
    .join("\n");
}

function sourceWords({ origin, place }: SettingSource): string {
  return place === undefined ? origin : `${origin} ${place}`;
}

function shown(
  key: string,
  { value, table }: { readonly value: unknown; readonly table: AnySettings },
): string {
  if (typeof value === "string") return value;
  if (value !== null && value !== undefined) return JSON.stringify(value);
  const setting = table[key];
  if (setting === undefined || isRequired(setting)) return "(not given)";
  return `(${defaultWords(setting)})`;
}
