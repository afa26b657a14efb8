/**
 * Rows of ids and labels that were tokenised elsewhere.
 *
 * @module
 */

import type { UserError } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { hasTrainedToken, IGNORED_LABEL } from "./labels.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";

/** Parses a row with the keys `input_ids`, `labels` and perhaps `attention_mask`. */
export function parseTokens(json: JsonObject, { vocabSize, fail }: RowContext): ParsedRow {
  const below = vocabSize ?? 2 ** 31;
  const ids = wholeNumbers(json, "input_ids", fail);
  const labels = wholeNumbers(json, "labels", fail);
  if (ids.length !== labels.length) {
    throw fail(
      `"input_ids" has ${ids.length} items and "labels" ${labels.length}; they must be as many`,
    );
  }
  checkRange(ids, { key: "input_ids", below, fail });
  checkRange(labels, { key: "labels", below, fail });
  const { start, end } = unmasked(json, ids.length, fail);
  const row = {
    kind: "tokens",
    inputIds: ids.subarray(start, end),
    labels: labels.subarray(start, end),
  } as const;
  if (!hasTrainedToken(row.labels)) {
    throw fail(`"labels" are all ${IGNORED_LABEL} after the first, so there is nothing to train`);
  }
  return { row, warnings: [] };
}

function wholeNumbers(json: JsonObject, key: string, fail: RowContext["fail"]): Int32Array {
  const list = json[key];
  if (!Array.isArray(list)) throw fail(`"${key}" must be a list of whole numbers`);
  const numbers = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const value: unknown = list[i];
    if (typeof value !== "number" || (value | 0) !== value) {
      throw fail(
        `"${key}[${i}]" must be a whole number: current value is ${JSON.stringify(value)}`,
      );
    }
    numbers[i] = value;
  }
  return numbers;
}

function checkRange(
  numbers: Int32Array,
  { key, below, fail }: {
    readonly key: "input_ids" | "labels";
    readonly below: number;
    readonly fail: (state: string) => UserError;
  },
): void {
  for (let i = 0; i < numbers.length; i++) {
    const id = numbers[i]!;
    if (id >= 0 && id < below) continue;
    if (key === "labels" && id === IGNORED_LABEL) continue;
    const or = key === "labels" ? ` or ${IGNORED_LABEL}` : "";
    throw fail(
      `"${key}[${i}]" is ${id}, but the model's token ids are from 0 to ${below - 1}${or}; ` +
        "was the row made with another tokenizer?",
    );
  }
}

/** The part that `attention_mask` leaves: padding on both sides goes, holes are refused. */
function unmasked(
  json: JsonObject,
  length: number,
  fail: RowContext["fail"],
): { readonly start: number; readonly end: number } {
  if ((json.attention_mask ?? null) === null) return { start: 0, end: length };
  const mask = wholeNumbers(json, "attention_mask", fail);
  if (mask.length !== length) {
    throw fail(
      `"attention_mask" has ${mask.length} items and "input_ids" ${length}; they must be as many`,
    );
  }
  const start = mask.indexOf(1);
  const end = mask.lastIndexOf(1) + 1;
  if (mask.some((value, i) => value !== (i >= start && i < end ? 1 : 0))) {
    throw fail('"attention_mask" must be 1 for one stretch of tokens and 0 for padding around it');
  }
  return { start: Math.max(start, 0), end };
}
