/**
 * The tables of settings in `docs/configuration.md`.
 *
 * @module
 */

import {
  type AnySetting,
  type AnySettings,
  defaultWords,
  flagOf,
  isRequired,
  type SettingKind,
} from "../utils/settings/setting.ts";
import { markdownTable } from "./markdown_table.ts";
import { GROUPS, SECTIONS } from "./settings_sections.ts";

/** What stands before and after the tables of a section. */
const MARK = /(<!-- (settings|other names) of (\w+) -->\n)[^]*?(<!-- end -->)/g;

const VALUES: { readonly [K in SettingKind["kind"]]: string } = {
  text: "text",
  path: "path",
  paths: "paths",
  place: "path or name",
  namedPlaces: "paths or names",
  choice: "word",
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  names: "names",
  texts: "texts",
  selection: "names or pattern",
  custom: "see there",
};

/** Returns `page` with the tables between its marks made anew. */
export function withSettingTables(page: string): string {
  return page.replaceAll(MARK, (...[, begin, what, section, end]: readonly string[]) => {
    const settings = SECTIONS[section!]?.settings ?? GROUPS[section!];
    if (!settings) throw new Error(`Internal: docs name a section "${section}" that is none`);
    const table = what === "settings" ? settingTable(settings) : otherNamesTable(settings);
    return `${begin}\n${table}\n\n${end}`;
  });
}

/** Returns a table of settings. */
function settingTable(table: AnySettings): string {
  const rows = Object.entries(table).map(([key, setting]) => [
    `\`${key}\``,
    `\`${flagOf(key, setting)}\``,
    valueWords(setting),
    isRequired(setting) ? "must be given" : defaultWords(setting) ?? "",
    setting.kind === "custom" ? setting.help : helpWords(setting),
  ]);
  return markdownTable([["key", "flag", "value", "default", "what it does"], ...rows]);
}

/** Returns a table of the names that settings have elsewhere. */
function otherNamesTable(table: AnySettings): string {
  const rows = Object.entries(table).flatMap(([key, { aliases = [] }]) =>
    aliases.length === 0 ? [] : [[aliases.map((each) => `\`${each}\``).join(", "), `\`${key}\``]]
  );
  return markdownTable([["elsewhere", "here"], ...rows]);
}

function valueWords(setting: AnySetting): string {
  if (setting.kind !== "integer" && setting.kind !== "number") return VALUES[setting.kind];
  const { min, max } = setting;
  const bounds = min === undefined ? "" : max === undefined ? `, ≥ ${min}` : `, ${min} to ${max}`;
  return `${VALUES[setting.kind]}${bounds}`;
}

function helpWords(setting: AnySetting): string {
  if (setting.kind !== "choice") return setting.help;
  return `${setting.help}: ${setting.choices.map((choice) => `\`${choice}\``).join(", ")}`;
}
