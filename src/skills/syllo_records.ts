/**
 * SYLLO puzzles as the Python platform's files have them: one record a line, with `words`, `syllable_bank`,
 * `red_herrings`, `output_variant`, `prompt` and `solution`.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import {
  anyObject,
  array,
  decode,
  type Decoder,
  type JsonObject,
  oneOf,
  text,
} from "../utils/json.ts";
import type { Skill, SkillItem } from "./skill.ts";
import { scoreSyllo } from "./syllo.ts";
import { SYLLO_SHAPES, type SylloAnswer, type SylloShape } from "./syllo_shapes.ts";

/** A puzzle of a file. */
export interface SylloRecordItem extends SkillItem, SylloAnswer {
  /** The form that the answer must have. */
  readonly shape: SylloShape;
}

/** Marks the answers to puzzles of files. */
export const sylloRecords: Pick<Skill<SylloRecordItem>, "name" | "score"> = {
  name: "syllo",
  score(item, given) {
    const { words, tiles, unused, shape } = item;
    const score = scoreSyllo(given, { words, tiles, unused }, shape);
    if (score.correct || unused.length === 0) return score;
    // the records' own answers leave out the tiles that are left over
    const asRecorded = scoreSyllo(given, { words, tiles, unused: [] }, shape);
    return asRecorded.correct ? asRecorded : score;
  },
};

/** Returns whether a row is a puzzle. */
export function isSylloRecord(row: JsonObject): boolean {
  return ["words", "syllable_bank", "output_variant", "prompt", "solution"]
    .every((key) => Object.hasOwn(row, key));
}

/**
 * Reads a puzzle.
 *
 * @throws {UserError} If a field is missing or wrong.
 */
export function sylloRecordItem(row: JsonObject, source: string): SylloRecordItem {
  const field = <T>(key: string, decoder: Decoder<T>): T => decoder(row[key], { source, key });
  const words = field("words", array(anyObject()))
    .map(({ syllables }) => decode(array(text()), syllables, source));
  const item = {
    history: [],
    prompt: field("prompt", text()),
    answer: field("solution", text()),
    shape: field("output_variant", oneOf(SYLLO_SHAPES)),
    words,
    tiles: field("syllable_bank", array(text())),
    unused: field("red_herrings", array(text())),
  };
  if (words.length > 0) return item;
  throw new UserError(`Cannot use a puzzle of "${source}": it has no words`);
}
