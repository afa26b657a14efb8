/**
 * One row of a data set, checked.
 *
 * @module
 */

import { messageOf } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { type Fail, isJsonObject, shown } from "./fields.ts";
import {
  type DataFormat,
  fieldOf,
  type FormatChoice,
  knownFormats,
  recogniseFormat,
  TEXT_FIELDS,
} from "./formats.ts";
import { parseMessages } from "./parse_messages.ts";
import { parseAlpaca, parsePromptCompletion, parseQuestionAnswer } from "./parse_pairs.ts";
import { parseChosen, refusePreference } from "./parse_preference.ts";
import { parseSharegpt } from "./parse_sharegpt.ts";
import { parseTokens } from "./parse_tokens.ts";
import type { Row, RowPlace } from "./row.ts";
import { RowError } from "./row_error.ts";
import { textField } from "./fields.ts";

/** A row and what is odd about it without making it useless. */
export interface ParsedRow {
  /** The row. */
  readonly row: Row;
  /** What a person should look at, a sentence each. */
  readonly warnings: readonly string[];
}

/** Options of {@linkcode parseRow}. */
export interface ParseRowOptions {
  /** Where the row is, for errors. */
  readonly place: RowPlace;
  /** Number of token ids of the model; ids of tokenised rows must be below. @default {any id may be} */
  readonly vocabSize?: number | undefined;
  /** The form that the row must have. @default {the one that its fields tell} */
  readonly format?: FormatChoice | undefined;
}

/** What the parsers of the forms are given besides the row. */
export interface RowContext {
  /** Number of token ids of the model. */
  readonly vocabSize: number | undefined;
  /** Makes the error that names the row. */
  readonly fail: Fail;
}

type Parse = (json: JsonObject, context: RowContext) => ParsedRow;

/** How rows of each form are read. */
const PARSERS: Readonly<Record<DataFormat | "chosen", Parse>> = {
  tokens: parseTokens,
  preference: refusePreference,
  chosen: parseChosen,
  messages: parseMessages,
  sharegpt: parseSharegpt,
  "prompt-completion": parsePromptCompletion,
  alpaca: parseAlpaca,
  "question-answer": parseQuestionAnswer,
  text: parseText,
};

/**
 * Parses and checks a row that is written as JSON.
 *
 * @throws {RowError} If it is not a row of a known form; the message names file, line, key and the fix.
 */
export function parseRow(text: string, options: ParseRowOptions): ParsedRow {
  return parseRecord(parseJsonObject(text, options.place), options);
}

/**
 * Checks a row that has been read.
 *
 * @throws {RowError} If it is not a row of a known form; the message names file, line, key and the fix.
 */
export function parseRecord(
  json: JsonObject,
  { place, vocabSize, format = "mixed" }: ParseRowOptions,
): ParsedRow {
  const fail: Fail = (code, message, fix) =>
    new RowError(place, fix === undefined ? { code, message } : { code, message, fix });
  if (format === "lines" || format === "document") return parseText(json, { vocabSize, fail });
  const known = format === "mixed" ? recogniseFormat(json) : format;
  if (known === undefined) throw unknownFields(json, fail);
  return PARSERS[known](json, { vocabSize, fail });
}

/**
 * Parses the JSON of a row.
 *
 * @throws {RowError} If it is not JSON or no object.
 */
export function parseJsonObject(text: string, place: RowPlace): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const message = `it is not valid JSON, ${messageOf(cause)}`;
    throw new RowError(place, { code: "invalid-json", message }, { cause });
  }
  if (isJsonObject(json)) return json;
  const message = `it is not a JSON object but ${Array.isArray(json) ? "an array" : shown(json)}`;
  throw new RowError(place, { code: "not-an-object", message });
}

/** Returns the problem of a row whose fields belong to no form. */
export function unknownFields(json: JsonObject, fail: Fail): RowError {
  const keys = Object.keys(json);
  const fields = keys.slice(0, 8).map((key) => `"${key}"`).join(", ");
  return fail(
    "unknown-format",
    keys.length === 0 ? "it has no fields" : `its fields are ${fields}`,
    `known are ${knownFormats()}`,
  );
}

function parseText(json: JsonObject, { fail }: RowContext): ParsedRow {
  const key = fieldOf(json, TEXT_FIELDS) ?? "text";
  const text = textField(json, key, fail);
  if (text.trim() === "") throw fail("empty-content", `"${key}" is empty`, "remove the row");
  return { row: { kind: "text", text }, warnings: [] };
}
