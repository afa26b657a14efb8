/**
 * Rows that are too long, told without a tokenizer.
 *
 * @module
 */

import { createIntList } from "../int_list.ts";
import type { Row, RowPlace } from "../row.ts";
import { type Problem, problem } from "./finding.ts";
import { rowTexts } from "./row_content.ts";

/** A row that is many times longer than almost all others. */
export interface LongRow {
  /** Which of the files it is in, counted from 0. */
  readonly file: number;
  /** Where it is. */
  readonly place: RowPlace;
  /** Its characters. */
  readonly characters: number;
}

/** Watches the lengths of rows. */
export interface LengthWatch {
  /** Returns what is wrong with the length of a row by itself. */
  add(row: Row, where: { readonly file: number; readonly place: RowPlace }): Problem[];
  /** Returns, when all rows were added, those that are many times longer than 99 of 100 others. */
  unusual(): readonly (LongRow & { readonly problem: Problem })[];
}

/** No tokenizer that is used takes that many characters of a text for one token on average. */
const CHARACTERS_OF_TOKEN = 8;

/** Rows below are not called long, whatever the others are. */
const LONG_CHARACTERS = 16_384;
const LONG_FACTOR = 8;
const KEPT_ROWS = 64;

/** Creates a watch; a row that has surely more than `maxLength` tokens is an error. */
export function createLengthWatch(maxLength: number | undefined): LengthWatch {
  const lengths = createIntList();
  let longest: LongRow[] = []; // the longest first
  return {
    add(row, { file, place }) {
      if (row.kind === "text") return []; // is cut into pieces, however long it is
      const characters = row.kind === "tokens" ? 0 : charactersOf(row);
      lengths.append([characters]);
      if (characters >= LONG_CHARACTERS) {
        longest.push({ file, place, characters });
        longest.sort((a, b) => b.characters - a.characters);
        longest = longest.slice(0, KEPT_ROWS);
      }
      const tokens = row.kind === "tokens" ? row.inputIds.length : undefined;
      if (maxLength === undefined) return [];
      if (tokens !== undefined && tokens > maxLength) {
        return [problem("too-long", `it has ${tokens} tokens, the limit is ${maxLength}`)];
      }
      if (characters <= CHARACTERS_OF_TOKEN * maxLength) return [];
      return [
        problem(
          "too-long",
          `it has ${characters} characters, which are more than ${maxLength} tokens`,
        ),
      ];
    },
    unusual() {
      const sorted = lengths.toArray().sort();
      const usual = sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0;
      return longest.filter(({ characters }) => characters > LONG_FACTOR * usual)
        .map((found) => ({
          ...found,
          problem: problem(
            "unusually-long",
            `it has ${found.characters} characters, 99 of 100 rows have at most ${usual}`,
          ),
        }));
    },
  };
}

function charactersOf(row: Row): number {
  return rowTexts(row).reduce((sum, { text }) => sum + text.length, 0);
}
