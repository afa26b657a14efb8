/**
 * Reading the fields of a row, with problems that name the field.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import type { RowError, RowProblemCode } from "./row_error.ts";

/** Makes the error that names the row. */
export type Fail = (code: RowProblemCode, message: string, fix?: string) => RowError;

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a field that must be a string. */
export function textField(json: JsonObject, key: string, fail: Fail): string {
  const value = json[key];
  if (typeof value === "string") return value;
  if (value === undefined) throw fail("missing-field", `"${key}" must be a string: it is missing`);
  const state = `"${key}" must be a string: current value is ${shown(value)}`;
  throw fail("wrong-type", state);
}

/** Returns a field that may be a string, and `undefined` where it is missing, null or empty. */
export function optionalText(json: JsonObject, key: string, fail: Fail): string | undefined {
  const value = json[key] ?? undefined;
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") {
    throw fail("wrong-type", `"${key}" must be a string: current value is ${shown(value)}`);
  }
  return value;
}

/** Returns a list; tables have it as JSON in a string. `undefined` if it is none. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string" || !value.trimStart().startsWith("[")) return undefined;
  const parsed = parsedJson(value);
  return Array.isArray(parsed) ? parsed : undefined;
}

/** Returns what a JSON text says, `undefined` if it is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns a value as it is shown in a message. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}…`;
}
