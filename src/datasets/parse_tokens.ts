/**
 * Rows of ids and labels that were tokenised elsewhere.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { type Fail, listOf, shown } from "./fields.ts";
import { fieldOf } from "./formats.ts";
import { hasTrainedToken, IGNORED_LABEL } from "./labels.ts";
import type { ParsedRow, RowContext } from "./parse_row.ts";
import type { RowError } from "./row_error.ts";

/** Fields that mark the trained tokens, where a row has no labels. */
const MASK_FIELDS = ["completion_mask", "assistant_masks", "assistant_mask", "loss_mask"] as const;

/**
 * Parses a row with the key `input_ids`, and perhaps `labels` or a mask of what is trained (without either everything
 * is) and `attention_mask`.
 */
export function parseTokens(json: JsonObject, { vocabSize, fail }: RowContext): ParsedRow {
  const below = vocabSize ?? 2 ** 31;
  const ids = wholeNumbers(json, "input_ids", fail);
  const labels = labelsOf(json, ids, fail);
  if (ids.length !== labels.length) throw unequal("labels", { ids, length: labels.length, fail });
  checkRange(ids, { key: "input_ids", below, fail });
  checkRange(labels, { key: "labels", below, fail });
  const { start, end } = unmasked(json, ids, fail);
  const row = {
    kind: "tokens",
    inputIds: ids.subarray(start, end),
    labels: labels.subarray(start, end),
  } as const;
  if (!hasTrainedToken(row.labels)) {
    throw fail(
      "nothing-trained",
      `"labels" are all ${IGNORED_LABEL} after the first, so there is nothing to train`,
    );
  }
  return { row, warnings: [] };
}

function labelsOf(json: JsonObject, ids: Int32Array, fail: Fail): Int32Array {
  if ("labels" in json) return wholeNumbers(json, "labels", fail);
  const field = fieldOf(json, MASK_FIELDS);
  if (field === undefined) return ids;
  const mask = wholeNumbers(json, field, fail);
  if (mask.length !== ids.length) throw unequal(field, { ids, length: mask.length, fail });
  return ids.map((id, i) => mask[i] === 1 ? id : IGNORED_LABEL);
}

function wholeNumbers(json: JsonObject, key: string, fail: Fail): Int32Array {
  const list = listOf(json[key]);
  if (list === undefined) throw fail("wrong-type", `"${key}" must be a list of whole numbers`);
  const numbers = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "number" || (value | 0) !== value) {
      throw fail(
        "wrong-type",
        `"${key}[${i}]" must be a whole number: current value is ${shown(value)}`,
      );
    }
    numbers[i] = value;
  }
  return numbers;
}

function unequal(
  key: string,
  { ids, length, fail }: { readonly ids: Int32Array; readonly length: number; readonly fail: Fail },
): RowError {
  return fail(
    "length-mismatch",
    `"input_ids" has ${ids.length} items and "${key}" ${length}`,
    "they must be as many",
  );
}

function checkRange(
  numbers: Int32Array,
  { key, below, fail }: {
    readonly key: "input_ids" | "labels";
    readonly below: number;
    readonly fail: Fail;
  },
): void {
  for (let i = 0; i < numbers.length; i++) {
    const id = numbers[i]!;
    if (id >= 0 && id < below) continue;
    if (key === "labels" && id === IGNORED_LABEL) continue;
    const or = key === "labels" ? ` or ${IGNORED_LABEL}` : "";
    throw fail(
      "id-out-of-range",
      `"${key}[${i}]" is ${id}, but the model's token ids are from 0 to ${below - 1}${or}`,
      "was the row made with another tokenizer?",
    );
  }
}

/** The part that `attention_mask` leaves: padding on both sides goes, holes are refused. */
function unmasked(
  json: JsonObject,
  ids: Int32Array,
  fail: Fail,
): { readonly start: number; readonly end: number } {
  if ((json.attention_mask ?? null) === null) return { start: 0, end: ids.length };
  const mask = wholeNumbers(json, "attention_mask", fail);
  if (mask.length !== ids.length) {
    throw unequal("attention_mask", { ids, length: mask.length, fail });
  }
  const start = mask.indexOf(1);
  const end = mask.lastIndexOf(1) + 1;
  if (mask.some((value, i) => value !== (i >= start && i < end ? 1 : 0))) {
    throw fail(
      "wrong-type",
      '"attention_mask" must be 1 for one stretch of tokens and 0 for padding around it',
    );
  }
  return { start: Math.max(start, 0), end };
}
