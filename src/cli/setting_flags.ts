/**
 * Flags made from the definitions of settings.
 *
 * @module
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { resolve } from "node:path";
import { messageOf, UserError } from "../utils/errors.ts";
import type { GivenSetting, GivenSettings } from "../utils/settings/layers.ts";
import { resolvePaths } from "../utils/path_list.ts";
import { choiceOf } from "../utils/settings/rules.ts";
import {
  type AnySetting,
  type AnySettings,
  defaultWords,
  flagOf,
  isNullable,
  kebabCase,
  type SettingKind,
} from "../utils/settings/setting.ts";
import { integerOption, numberOption } from "./option_values.ts";

/** What leaves a setting open that a file gives. */
const NONE = "none";

/** What stands for that until the flags are read: commander makes an empty text of null. */
const LEFT_OPEN = Symbol("left open");

type Kind = SettingKind["kind"];
type OfKind<K extends Kind> = Extract<SettingKind, { readonly kind: K }>;
/** `previous` is what the flag gave before, if it is given several times. */
type Parser = (text: string, previous: unknown) => unknown;

const PARSERS: { readonly [K in Kind]: (kind: OfKind<K>) => Parser } = {
  text: () => (text) => text,
  path: () => filled,
  paths: () => (text, previous) =>
    typeof previous === "string" ? `${previous},${filled(text)}` : filled(text),
  place: () => filled,
  namedPlaces: () => (text, previous) => [
    ...Array.isArray(previous) ? previous : [],
    filled(text),
  ],
  choice: (kind) => (text) => {
    const choice = choiceOf(text, kind);
    if (choice !== undefined) return choice;
    throw new InvalidArgumentError(`Allowed choices are ${kind.choices.join(", ")}.`);
  },
  integer: integerOption,
  number: numberOption,
  boolean: () => () => true,
  names: () => (text, previous) => [...Array.isArray(previous) ? previous : [], ...nameList(text)],
  texts: () => (text, previous) => [...Array.isArray(previous) ? previous : [], text],
  selection: ({ words }) => (text) =>
    words.includes(text) ? text : /^\/(.+)\/$/.exec(text)?.[1] ?? nameList(text),
  custom: ({ parse }) => (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  },
};

/** Adds a flag for each setting of `table`; none has a default, as files may give what the flags do not. */
export function addSettingFlags(command: Command, table: AnySettings): Command {
  for (const [key, setting] of Object.entries(table)) {
    for (const option of optionsOf(key, setting)) command.addOption(option);
  }
  return command;
}

/** Options of {@linkcode flagSettings}. */
export interface FlagSettingsOptions {
  /** The settings that there are. */
  readonly table: AnySettings;
  /** What paths are relative to. */
  readonly cwd: string;
  /** Told of flags that are called otherwise now. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Returns the settings that the command line gives.
 *
 * @throws {UserError} If it gives one twice, by two names.
 */
export function flagSettings(command: Command, options: FlagSettingsOptions): GivenSettings {
  const { table, cwd, onWarning = () => {} } = options;
  const given: Record<string, GivenSetting> = {};
  for (const [key, setting] of Object.entries(table)) {
    const flag = flagOf(key, setting);
    for (const option of optionsOf(key, setting)) {
      const name = option.attributeName();
      if (command.getOptionValueSource(name) !== "cli") continue;
      const value: unknown = command.getOptionValue(name);
      if (setting.kind === "boolean" && option.negate !== (value === false)) continue;
      const place = option.long ?? flag;
      const before = given[key]?.source.place;
      if (before !== undefined) {
        throw new UserError(`Cannot take both ${before} and ${place}: they are one setting`);
      }
      if (place !== flag && !option.negate) onWarning(`${place} is called ${flag}`);
      const located = locatedAt(cwd, { kind: setting.kind, value });
      given[key] = {
        value: located === LEFT_OPEN ? null : located,
        source: { origin: "flag", place },
      };
    }
  }
  return given;
}

function locatedAt(
  cwd: string,
  { kind, value }: { readonly kind: Kind; readonly value: unknown },
): unknown {
  if (typeof value !== "string") return value;
  return kind === "path"
    ? resolve(cwd, value)
    : kind === "paths"
    ? resolvePaths(value, cwd)
    : value;
}

/** Returns the flags of a setting, those that help does not tell included. */
function optionsOf(key: string, setting: AnySetting): readonly Option[] {
  const flag = flagOf(key, setting);
  const words = defaultWords(setting);
  const help = words === undefined ? setting.help : `${setting.help} (default: ${words})`;
  const others = (setting.aliases ?? []).map((alias) => `--${kebabCase(alias)}`);
  if (setting.kind === "boolean") {
    const on = new Option(flag, setting.default === null ? help : setting.help);
    const off = new Option(flag.replace("--", "--no-"), setting.off ?? "do not");
    return [
      on.hideHelp(setting.default === true),
      off.hideHelp(setting.off === undefined),
      ...others.map((name) => new Option(name, help).hideHelp()),
    ];
  }
  return [flag, ...others].map((name) => {
    const option = new Option(`${name} <${setting.value ?? "number"}>`, help);
    if (setting.kind === "choice") option.choices(setting.choices);
    return option.argParser(parserOf(setting)).hideHelp(name !== flag);
  });
}

function parserOf(setting: AnySetting): Parser {
  // the table is total over the kinds, which the compiler cannot follow through a union
  const parse = (PARSERS[setting.kind] as (kind: SettingKind) => Parser)(setting);
  if (!isNullable(setting) || setting.kind === "text") return parse;
  return (text, previous) => text === NONE ? LEFT_OPEN : parse(text, previous);
}

function filled(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}

function nameList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new InvalidArgumentError("It must be names separated by commas.");
}
