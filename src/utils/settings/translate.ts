/**
 * Translates the keys of another program's files of settings.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import type { SettingEntry } from "./settings_file.ts";
import { nearest } from "./spelling.ts";

/** What becomes of a foreign key. */
export type Translation =
  | {
    /** The setting that it is here. */
    readonly setting: string;
    /** Its value here. */
    readonly value: unknown;
    /** What is not quite the same. */
    readonly note?: string;
  }
  | {
    /** Why nothing needs to be done about it. */
    readonly nothing: string;
  }
  | {
    /** Why it cannot be done, and what to do instead. */
    readonly refused: string;
  };

/** Looks up another value of the same file by its keys, with dots between them. */
export type LookUp = (key: string) => unknown;

/** What becomes of a foreign key with this value. */
export type TranslationRule = (value: unknown, lookUp: LookUp) => readonly Translation[];

/** The rule of each key, with dots between it and those that it is in. */
export type TranslationTable = Readonly<Record<string, TranslationRule>>;

/** What {@linkcode translateSettings} tells. */
export interface TranslationReport {
  /** A key has another name here. */
  readonly onRename: (rename: { readonly key: string; readonly setting: string }) => void;
  /** A key does nothing here. */
  readonly onNothing: (ignored: { readonly key: string; readonly reason: string }) => void;
  /** Something is odd. */
  readonly onWarning: (message: string) => void;
}

/**
 * Replaces the keys that `table` knows by the settings that they are; leaves the others.
 *
 * @throws {UserError} If a key is refused, or is none of those of the group that it is in.
 */
export function translateSettings(
  entries: readonly SettingEntry[],
  { table, report }: { readonly table: TranslationTable; readonly report: TranslationReport },
): readonly SettingEntry[] {
  const lookUp: LookUp = (key) => valueAt(entries, key.split("."));
  const own: SettingEntry[] = [];
  const translated: (SettingEntry & { readonly from: string })[] = [];
  const visit = (entry: SettingEntry, parent: string) => {
    const key = `${parent}${entry.key}`;
    const rule = Object.hasOwn(table, key) ? table[key] : undefined;
    if (rule !== undefined) {
      for (const translation of rule(entry.value, lookUp)) {
        if ("refused" in translation) {
          throw new UserError(`Cannot take "${key}" (${entry.place}): ${translation.refused}`);
        }
        if ("nothing" in translation) {
          report.onNothing({ key, reason: translation.nothing });
          continue;
        }
        const { setting, value, note } = translation;
        if (note === undefined && key !== setting) report.onRename({ key, setting });
        if (note !== undefined) {
          report.onWarning(`${entry.place}: "${key}" is "${setting}" here; ${note}`);
        }
        translated.push({ key: setting, value, place: entry.place, entries: undefined, from: key });
      }
    } else if (isGroup(key, table) && entry.entries !== undefined) {
      for (const child of entry.entries) visit(child, `${key}.`);
    } else if (parent === "") {
      own.push(entry);
    } else {
      throw unknownIn(key, { place: entry.place, table });
    }
  };
  for (const entry of entries) visit(entry, "");
  // what is at the top goes before what is in a group
  const byDepth = translated.toSorted((a, b) => depth(a.from) - depth(b.from));
  const taken = new Map<string, (typeof translated)[number]>();
  for (const entry of byDepth) {
    const before = taken.get(entry.key);
    if (before === undefined) {
      taken.set(entry.key, entry);
    } else if (JSON.stringify(before.value) !== JSON.stringify(entry.value)) {
      report.onWarning(
        `${entry.place}: "${entry.from}" says ${
          JSON.stringify(entry.value)
        }, but "${before.from}" ` +
          `${JSON.stringify(before.value)}, which is taken`,
      );
    }
  }
  return [...own, ...taken.values()];
}

function isGroup(key: string, table: TranslationTable): boolean {
  return Object.keys(table).some((each) => each.startsWith(`${key}.`));
}

function depth(key: string): number {
  return key.split(".").length;
}

function valueAt(entries: readonly SettingEntry[], [key, ...rest]: readonly string[]): unknown {
  const entry = entries.find((each) => each.key === key);
  return rest.length === 0 ? entry?.value : valueAt(entry?.entries ?? [], rest);
}

function unknownIn(
  key: string,
  { place, table }: { readonly place: string; readonly table: TranslationTable },
): UserError {
  const group = key.slice(0, key.lastIndexOf(".") + 1);
  const known = Object.keys(table).filter((each) => each.startsWith(group));
  const meant = nearest(key.slice(group.length), known.map((each) => each.slice(group.length)));
  return new UserError(
    `Cannot read "${place}": "${key}" is not known; ${
      meant === undefined ? "leave it out" : `did you mean "${group}${meant}"?`
    }`,
  );
}
