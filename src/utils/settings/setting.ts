/**
 * What a setting is: one definition from which its decoder, its flag, its help and its schema follow.
 *
 * @example
 * ```ts
 * import { defaultsOf, type SettingTable } from "./setting.ts";
 *
 * interface Limits {
 *   readonly rows: number;
 *   readonly seconds: number | null;
 * }
 * const LIMITS: SettingTable<Limits> = {
 *   rows: { kind: "integer", min: 1, default: 100, help: "rows that are read" },
 *   seconds: { kind: "number", min: 0, default: null, help: "time that it may take" },
 * };
 * if (defaultsOf(LIMITS).rows !== 100) throw new Error("its default");
 * ```
 *
 * @module
 */

import type { Decoder, JsonObject } from "../json.ts";

/** A text. */
export interface TextKind {
  /** Tells kinds apart. */
  readonly kind: "text";
}

/** A file or folder: relative to the file that names it, or on the command line to the current folder. */
export interface PathKind {
  /** Tells kinds apart. */
  readonly kind: "path";
}

/** Files and folders with commas between them, each perhaps with a colon and a number behind it. */
export interface PathsKind {
  /** Tells kinds apart. */
  readonly kind: "paths";
}

/** What may be a folder, and is a name where there is no such folder. */
export interface PlaceKind {
  /** Tells kinds apart. */
  readonly kind: "place";
  /** Names that go before folders. */
  readonly names?: readonly string[];
}

/**
 * Several places, or one, each perhaps with a name of its own and an equals sign before it; on the command line the flag
 * is given several times.
 */
export interface NamedPlacesKind {
  /** Tells kinds apart. */
  readonly kind: "namedPlaces";
}

/** One of a few words. */
export interface ChoiceKind<T extends string = string> {
  /** Tells kinds apart. */
  readonly kind: "choice";
  /** The words. */
  readonly choices: readonly T[];
  /** What a word is called elsewhere. */
  readonly synonyms?: Readonly<Record<string, T>>;
}

/** A number. */
export interface NumberKind {
  /** Whole numbers only, or any. */
  readonly kind: "integer" | "number";
  /** Smallest value. */
  readonly min?: number;
  /** Largest value. */
  readonly max?: number;
}

/** Yes or no. */
export interface BooleanKind {
  /** Tells kinds apart. */
  readonly kind: "boolean";
  /** What the flag that switches it off does; without it, that flag is left out of the help. */
  readonly off?: string;
}

/** Several names; on the command line with commas between them. */
export interface NamesKind {
  /** Tells kinds apart. */
  readonly kind: "names";
}

/** Several texts, or one; on the command line the flag is given several times. */
export interface TextsKind {
  /** Tells kinds apart. */
  readonly kind: "texts";
}

/** Several names, or one text that selects some: a word of its own, or a pattern, on the command line between slashes. */
export interface SelectionKind {
  /** Tells kinds apart. */
  readonly kind: "selection";
  /** Words that stand for themselves. */
  readonly words: readonly string[];
}

/** What none of the other kinds fits: it brings its rules along. */
export interface CustomKind<T = unknown> {
  /** Tells kinds apart. */
  readonly kind: "custom";
  /** Decodes it from a file. */
  readonly decode: Decoder<T>;
  /** Reads it from the command line; what it throws says how it is written. */
  readonly parse: (text: string) => T;
  /** Its JSON Schema. */
  readonly schema: JsonObject;
}

/** Every kind of setting. */
export type SettingKind =
  | TextKind
  | PathKind
  | PathsKind
  | PlaceKind
  | NamedPlacesKind
  | ChoiceKind
  | NumberKind
  | BooleanKind
  | NamesKind
  | TextsKind
  | SelectionKind
  | CustomKind;

/** The kinds whose values are of type `T`. */
type KindOf<T> =
  | CustomKind<T>
  | ([T] extends [boolean] ? BooleanKind
    : [T] extends [number] ? NumberKind
    : [T] extends [string]
      ? string extends T ? TextKind | PathKind | PathsKind | PlaceKind : ChoiceKind<T>
    : [T] extends [readonly string[]] ? NamesKind | TextsKind | NamedPlacesKind
    : SelectionKind);

/** What every kind of setting has. */
export interface SettingWords<T> {
  /** What it does, in a line. */
  readonly help: string;
  /** Its value where nothing else is said; `null` leaves it open. Without one it must be given. */
  readonly default?: T;
  /** What stands in the help for the default. */
  readonly otherwise?: string;
  /** What stands in the help for a value. @default {by the kind} */
  readonly value?: string;
  /** The name of its flag. @default {the key, in kebab case} */
  readonly flag?: string;
  /** What it is called elsewhere; files and the command line take it, the help does not tell. */
  readonly aliases?: readonly string[];
  /** Settings that go back to their defaults if this one is given closer to the command line. */
  readonly replaces?: readonly string[];
  /** Whether it cannot change when a run goes on: rows would be skipped or repeated, or weights would not fit. */
  readonly fixed?: boolean;
}

/** The definition of a setting whose values are of type `T`. */
export type Setting<T> = SettingWords<T> & KindOf<NonNullable<T>>;

/** The definition of any setting. */
export type AnySetting = SettingWords<unknown> & SettingKind;

/** One definition for each setting of `T`. */
export type SettingTable<T> = { readonly [K in keyof T]-?: Setting<T[K]> };

/** Any table, by key. */
export type AnySettings = Readonly<Record<string, AnySetting>>;

/** Returns `table` as one whose types are not known. */
export function anySettings<T>(table: SettingTable<T>): AnySettings {
  return table as unknown as AnySettings;
}

/** Returns the default of every setting that has one. */
export function defaultsOf<T>(table: SettingTable<T>): Partial<T> {
  const entries = Object.entries(anySettings(table)).filter(([, each]) => !isRequired(each));
  return Object.fromEntries(entries.map(([key, each]) => [key, each.default])) as Partial<T>;
}

/** Whether a setting must be given. */
export function isRequired(setting: AnySetting): boolean {
  return setting.default === undefined;
}

/** Whether a setting may be left open. */
export function isNullable(setting: AnySetting): boolean {
  return setting.default === null;
}

/** Returns the flag of the setting `key`, with its dashes. */
export function flagOf(key: string, setting: AnySetting): string {
  return `--${setting.flag ?? kebabCase(key)}`;
}

/** Returns `key` in lower case, with dashes between its words. */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");
}

/** Returns what is said of the default of `setting`; `undefined` if there is nothing to say. */
export function defaultWords({ default: value, otherwise }: AnySetting): string | undefined {
  if (otherwise !== undefined || value === undefined) return otherwise;
  if (value === null || (Array.isArray(value) && value.length === 0)) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
