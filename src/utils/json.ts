/**
 * Strict decoding of JSON: an unknown key, a wrong kind or a value out of range is an error that names the key.
 *
 * @example
 * ```ts
 * import { decode, integer, object, optional, text } from "./json.ts";
 *
 * const dataset = object({ path: text(), rows: optional(integer({ min: 1 }), 100) });
 * const { path, rows } = decode(dataset, { path: "a.jsonl" }, "settings.json");
 * if (path !== "a.jsonl" || rows !== 100) throw new Error("decoded");
 * ```
 *
 * @module
 */

import { messageOf, UserError } from "./errors.ts";
import { fileError } from "./file_error.ts";

/** A JSON object whose keys are not known. */
export interface JsonObject {
  /** Any value that JSON has. */
  readonly [key: string]: unknown;
}

/** Where a value is: the file or thing that holds it, and its key there (`""` for the whole). */
export interface JsonPlace {
  /** The file or thing, as it is shown. */
  readonly source: string;
  /** The key, with dots and indices: `optimizer.betas[1]`. */
  readonly key: string;
}

/** Turns a JSON value into a `T`; `undefined` stands for a key that is not there. */
export type Decoder<T> = (value: unknown, place: JsonPlace) => T;

/** One decoder per field of `T`. */
export type FieldDecoders<T> = { readonly [K in keyof T]-?: Decoder<T[K]> };

/** Bounds of a number, both allowed. */
export interface NumberBounds {
  /** Smallest value. @default {-Infinity} */
  readonly min?: number;
  /** Largest value. @default {Infinity} */
  readonly max?: number;
}

/**
 * Decodes `json`, which came from `source`.
 *
 * @throws {UserError} If a value is not what `decoder` wants; the message names `source` and the key.
 */
export function decode<T>(decoder: Decoder<T>, json: unknown, source: string): T {
  return decoder(json, { source, key: "" });
}

/** Returns the error "Cannot read {source} as {key} must be {wanted}". */
export function decodeError(place: JsonPlace, wanted: string, value: unknown): UserError {
  const subject = place.key === "" ? "its content" : `"${place.key}"`;
  const state = value === undefined ? "it is missing" : `current value is ${shown(value)}`;
  return new UserError(`Cannot read "${place.source}" as ${subject} must be ${wanted}: ${state}`);
}

/** Decodes a string. */
export function text(): Decoder<string> {
  return (value, place) => {
    if (typeof value !== "string") throw decodeError(place, "a string", value);
    return value;
  };
}

/** Decodes `true` or `false`. */
export function boolean(): Decoder<boolean> {
  return (value, place) => {
    if (typeof value !== "boolean") throw decodeError(place, "true or false", value);
    return value;
  };
}

/** Decodes a finite number. */
export function number(bounds: NumberBounds = {}): Decoder<number> {
  return (value, place) => {
    if (typeof value === "number" && Number.isFinite(value) && within(bounds, value)) return value;
    throw decodeError(place, `a number${limits(bounds)}`, value);
  };
}

/** Decodes a whole number. */
export function integer(bounds: NumberBounds = {}): Decoder<number> {
  return (value, place) => {
    if (Number.isSafeInteger(value) && within(bounds, value as number)) return value as number;
    throw decodeError(place, `a whole number${limits(bounds)}`, value);
  };
}

/** Decodes one of `choices`. */
export function oneOf<const T extends string>(choices: readonly T[]): Decoder<T> {
  return (value, place) => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    throw decodeError(place, `one of ${choices.map((each) => `"${each}"`).join(", ")}`, value);
  };
}

/** Decodes an array. */
export function array<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw decodeError(place, "an array", value);
    return value.map((each, i) => item(each, { ...place, key: `${place.key}[${i}]` }));
  };
}

/** Decodes an object with these fields and no others. */
export function object<T>(fields: FieldDecoders<T>): Decoder<T> {
  return (value, place) => {
    const json = anyObject()(value, place);
    const unknown = Object.keys(json).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) {
      const known = Object.keys(fields).map((key) => `"${key}"`).join(", ");
      throw new UserError(
        `Cannot read "${place.source}": "${
          below(place, unknown)
        }" is not known; known are ${known}`,
      );
    }
    const decoded: Partial<T> = {};
    for (const key in fields) {
      const field = fields[key](json[key], { ...place, key: below(place, key) });
      if (field !== undefined) decoded[key] = field;
    }
    return decoded as T;
  };
}

/** Decodes an object with any keys, all of one kind. */
export function record<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, place) => {
    const entries = Object.entries(anyObject()(value, place));
    return Object.fromEntries(
      entries.map(([key, each]) => [key, item(each, { ...place, key: below(place, key) })]),
    );
  };
}

/** Decodes an object and leaves its values as they are. */
export function anyObject(): Decoder<JsonObject> {
  return (value, place) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    throw decodeError(place, "an object", value);
  };
}

/** Decodes what may be missing; `fallback` then stands for it. */
export function optional<T, F>(decoder: Decoder<T>, fallback: F): Decoder<T | F> {
  return (value, place) => value === undefined ? fallback : decoder(value, place);
}

/** Decodes what may be `null`. */
export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  return (value, place) => value === null ? null : decoder(value, place);
}

/**
 * Parses the JSON text that came from `source`.
 *
 * @throws {UserError} If it is not JSON; the message names `source` and the position.
 */
export function parseJson(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UserError(`Cannot read "${source}": it is not valid JSON, ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads a JSON file.
 *
 * @throws {UserError} If it cannot be read or is not JSON; the message names `path`.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  let json: string;
  try {
    json = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  return parseJson(json, path);
}

function below(place: JsonPlace, key: string): string {
  return place.key === "" ? key : `${place.key}.${key}`;
}

function within({ min = -Infinity, max = Infinity }: NumberBounds, value: number): boolean {
  return value >= min && value <= max;
}

function limits({ min, max }: NumberBounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}…`;
}
