/**
 * Decoders and JSON Schemas of settings: tables over their kinds.
 *
 * @module
 */

import {
  array,
  boolean,
  decodeError,
  type Decoder,
  type FieldDecoders,
  integer,
  type JsonObject,
  nullable,
  number,
  optional,
  text,
} from "../json.ts";
import {
  type AnySetting,
  anySettings,
  type ChoiceKind,
  defaultWords,
  isNullable,
  isRequired,
  type SettingKind,
  type SettingTable,
} from "./setting.ts";

type Kind = SettingKind["kind"];
type OfKind<K extends Kind> = Extract<SettingKind, { readonly kind: K }>;
type KindTable<R> = { readonly [K in Kind]: (kind: OfKind<K>) => R };

const texts = array(text());

const DECODERS: KindTable<Decoder<unknown>> = {
  text,
  path: filledText,
  paths: () => (value, place) =>
    Array.isArray(value) ? filledTexts(value, place).join(",") : filledText()(value, place),
  place: filledText,
  namedPlaces: () => (value, place) =>
    typeof value === "string" ? [filledText()(value, place)] : filledTexts(value, place),
  choice: (kind) => (value, place) => {
    const choice = typeof value === "string" ? choiceOf(value, kind) : undefined;
    if (choice !== undefined) return choice;
    const choices = kind.choices.map((each) => `"${each}"`).join(", ");
    throw decodeError(place, `one of ${choices}`, value);
  },
  integer,
  number,
  boolean,
  names: () => filledTexts,
  texts: () => (value, place) => typeof value === "string" ? [value] : texts(value, place),
  selection: () => (value, place) =>
    typeof value === "string" ? selectionOf(filledText()(value, place)) : filledTexts(value, place),
  custom: ({ decode }) => decode,
};

const SCHEMAS: KindTable<JsonObject> = {
  text: () => ({ type: "string" }),
  path: () => ({ type: "string", minLength: 1 }),
  paths: () => ({ anyOf: [{ type: "string", minLength: 1 }, NAMES] }),
  place: () => ({ type: "string", minLength: 1 }),
  namedPlaces: () => ({ anyOf: [{ type: "string", minLength: 1 }, NAMES] }),
  choice: ({ choices }) => ({ enum: [...choices] }),
  integer: boundedSchema,
  number: boundedSchema,
  boolean: () => ({ type: "boolean" }),
  names: () => NAMES,
  texts: () => ({ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }),
  selection: () => ({ anyOf: [{ type: "string", minLength: 1 }, NAMES] }),
  custom: ({ schema }) => schema,
};

const NAMES = { type: "array", items: { type: "string", minLength: 1 }, minItems: 1 };

/** Returns the decoder of a setting that is there. */
export function decoderOf(setting: AnySetting): Decoder<unknown> {
  // the table is total over the kinds, which the compiler cannot follow through a union
  const decoder = (DECODERS[setting.kind] as (kind: SettingKind) => Decoder<unknown>)(setting);
  return isNullable(setting) ? nullable(decoder) : decoder;
}

/** Returns the decoders of all settings of a table, where one that is not there takes its default. */
export function fieldsOf<T>(table: SettingTable<T>): FieldDecoders<T> {
  const fields = Object.entries(anySettings(table)).map(([key, setting]) => {
    const decoder = decoderOf(setting);
    return [key, isRequired(setting) ? decoder : optional(decoder, setting.default)];
  });
  return Object.fromEntries(fields) as FieldDecoders<T>;
}

/** Returns the JSON Schema of a setting. */
export function schemaOf(setting: AnySetting): JsonObject {
  const schema = (SCHEMAS[setting.kind] as (kind: SettingKind) => JsonObject)(setting);
  const words = defaultWords(setting);
  return {
    description: words === undefined ? setting.help : `${setting.help} (default: ${words})`,
    ...(isNullable(setting) ? { anyOf: [schema, { type: "null" }] } : schema),
    ...(isRequired(setting) ? {} : { default: setting.default }),
  };
}

/** Returns the choice that `value` names, also with underscores, capitals or a synonym. */
export function choiceOf<T extends string>(
  value: string,
  { choices, synonyms = {} }: ChoiceKind<T>,
): T | undefined {
  if (Object.hasOwn(synonyms, value)) return synonyms[value];
  const name = plain(value);
  const choice = choices.find((each) => plain(each) === name);
  if (choice !== undefined) return choice;
  const synonym = Object.keys(synonyms).find((each) => plain(each) === name);
  return synonym === undefined ? undefined : synonyms[synonym];
}

/** Returns the pattern that stands between slashes, as on the command line, or what is not one as it is. */
function selectionOf(text: string): string {
  return /^\/(.+)\/$/.exec(text)?.[1] ?? text;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

function boundedSchema({ kind, min, max }: OfKind<"integer" | "number">): JsonObject {
  return {
    type: kind,
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  };
}

function filledText(): Decoder<string> {
  return (value, place) => {
    if (typeof value === "string" && value !== "") return value;
    throw decodeError(place, "a string that is not empty", value);
  };
}

const filledTexts: Decoder<readonly string[]> = (value, place) => {
  const names = texts(value, place);
  if (names.length > 0 && names.every((name) => name !== "")) return names;
  throw decodeError(place, "an array of names", value);
};
