/**
 * One line of a data set as a row, checked.
 *
 * @module
 */

import { messageOf, type UserError } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { parseMessages } from "./parse_messages.ts";
import { parseTokens } from "./parse_tokens.ts";
import { type Row, ROW_KINDS, rowError, type RowKind, type RowPlace } from "./row.ts";

/** A row and what is odd about it without making it useless. */
export interface ParsedRow {
  /** The row. */
  readonly row: Row;
  /** What a person should look at, a sentence each. */
  readonly warnings: readonly string[];
}

/** Options of {@linkcode parseRow}. */
export interface ParseRowOptions {
  /** Where the line is, for errors. */
  readonly place: RowPlace;
  /** Number of token ids of the model; ids of tokenised rows must be below. @default {any id may be} */
  readonly vocabSize?: number | undefined;
}

/** How each kind is recognised and read. */
interface RowFormat {
  /** The keys that a row of the kind has. */
  readonly keys: readonly string[];
  /** Reads it; `fail` makes the error that names the line. */
  readonly parse: (json: JsonObject, context: RowContext) => ParsedRow;
}

/** What the parsers of the kinds are given besides the row. */
export interface RowContext extends Pick<ParseRowOptions, "vocabSize"> {
  /** Makes an error that names the line. */
  readonly fail: (state: string) => UserError;
}

const FORMATS: Readonly<Record<RowKind, RowFormat>> = {
  tokens: { keys: ["input_ids", "labels"], parse: parseTokens },
  messages: { keys: ["messages"], parse: parseMessages },
  completion: {
    keys: ["prompt", "completion"],
    parse(json, { fail }) {
      const prompt = textOf(json, "prompt", fail);
      const completion = textOf(json, "completion", fail);
      if (completion === "") throw fail('"completion" is empty, so there is nothing to train');
      return { row: { kind: "completion", prompt, completion }, warnings: [] };
    },
  },
  text: {
    keys: ["text"],
    parse(json, { fail }) {
      const text = textOf(json, "text", fail);
      if (text === "") throw fail('"text" is empty; remove the row');
      return { row: { kind: "text", text }, warnings: [] };
    },
  },
};

/**
 * Parses and checks one line.
 *
 * @throws {UserError} If it is not a row of a known kind; the message names file, line, key and the fix.
 */
export function parseRow(line: string, { place, vocabSize }: ParseRowOptions): ParsedRow {
  const fail = (state: string) => rowError(place, state);
  const json = parseObject(line, place);
  const kind = ROW_KINDS.find((each) =>
    FORMATS[each].keys.every((key) => Object.hasOwn(json, key))
  );
  if (kind === undefined) throw fail(unknownKeys(json));
  return FORMATS[kind].parse(json, { vocabSize, fail });
}

function parseObject(line: string, place: RowPlace): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    const whole = place.line === 1 && line.trimStart().startsWith("[");
    const hint = whole ? "; the file seems to be one JSON array, write one object per line" : "";
    throw rowError(place, `it is not valid JSON, ${messageOf(error)}${hint}`, error);
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw rowError(place, `it is not a JSON object but ${Array.isArray(json) ? "an array" : json}`);
}

function unknownKeys(json: JsonObject): string {
  const known = Object.values(FORMATS).map(({ keys }) =>
    keys.map((key) => `"${key}"`).join(" and ")
  );
  const wanted = `a row needs ${known.slice(0, -1).join(", or ")}, or ${known.at(-1)}`;
  const keys = Object.keys(json);
  if (keys.length === 0) return `it is empty; ${wanted}`;
  return `its keys are ${keys.slice(0, 8).map((key) => `"${key}"`).join(", ")}; ${wanted}`;
}

function textOf(json: JsonObject, key: string, fail: RowContext["fail"]): string {
  const value = json[key];
  if (typeof value === "string") return value;
  const hint = Array.isArray(value) ? '; conversations belong under the key "messages"' : "";
  throw fail(`"${key}" must be a string${hint}`);
}
