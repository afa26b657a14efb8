/**
 * Rows compared with all rows before them and with those of the evaluation set.
 *
 * @module
 */

import type { Row } from "../row.ts";
import { type Problem, problem } from "./finding.ts";
import { createHashIndex, type Fingerprint, fingerprint } from "./hash_index.ts";
import { createNearDuplicateIndex } from "./near_duplicates.ts";
import { exchangeOf, normalised, rowIdentity } from "./row_content.ts";

/** Where a row is: the number of its file and its line there. */
export interface RowNumber {
  /** Which of the files, counted from 0. */
  readonly file: number;
  /** The line. */
  readonly line: number;
}

/** Options of {@linkcode createRowComparison}. */
export interface RowComparisonOptions {
  /** Whether rows that are nearly the same are looked for. */
  readonly near: boolean;
  /** Names an earlier row, in a message about one of `file`. */
  readonly nameOf: (row: RowNumber, file: number) => string;
  /** Names a row of the evaluation set. */
  readonly evalNameOf: (row: RowNumber) => string;
}

/** Compares rows; of each it remembers hashes alone. */
export interface RowComparison {
  /** Whether rows were no longer compared nearly, because there were too many. */
  readonly isFull: boolean;
  /** Remembers a row of the evaluation set. */
  addEvaluationRow(row: Row, place: RowNumber): void;
  /** Returns what a row has in common with rows before it and with the evaluation set, and remembers it. */
  add(row: Row, place: RowNumber): Problem[];
}

/** Creates a comparison. */
export function createRowComparison(options: RowComparisonOptions): RowComparison {
  const { near, nameOf, evalNameOf } = options;
  const rows = createHashIndex();
  const prompts = createHashIndex();
  const evalRows = createHashIndex();
  const evalPrompts = createHashIndex();
  const nearRows = near ? createNearDuplicateIndex() : undefined;
  const nearEvalRows = near ? createNearDuplicateIndex() : undefined;

  const leakage = (row: Row): Problem | undefined => {
    if (evalRows.size === 0) return undefined;
    const exact = evalRows.get(evalKey(row));
    if (exact !== undefined) {
      return problem("eval-leakage", `it is in the evaluation set, ${evalNameOf(unpack(exact))}`);
    }
    const key = promptKey(row);
    const asked = key === undefined ? undefined : evalPrompts.get(key);
    if (asked !== undefined) {
      return problem(
        "eval-prompt-leakage",
        `the evaluation set asks the same, ${evalNameOf(unpack(asked))}`,
      );
    }
    const text = nearEvalRows === undefined ? undefined : nearText(row);
    const similar = text === undefined ? undefined : nearEvalRows!.find(text);
    if (similar === undefined) return undefined;
    return problem(
      "near-leakage",
      `it is ${percent(similar.similarity)} the same as a row of the evaluation set, ${
        evalNameOf(unpack(similar.value))
      }`,
    );
  };
  const repetition = (row: Row, place: RowNumber): Problem | undefined => {
    const { file } = place;
    const value = pack(place);
    const exact = rows.put(fingerprint(rowIdentity(row)), value);
    if (exact !== undefined) {
      return problem("duplicate", `it says what ${nameOf(unpack(exact), file)} says`);
    }
    const text = nearRows === undefined ? undefined : nearText(row);
    const similar = text === undefined ? undefined : nearRows!.add(text, value);
    const key = promptKey(row);
    const asked = key === undefined ? undefined : prompts.put(key, value);
    if (similar !== undefined) {
      return problem(
        "near-duplicate",
        `it is ${percent(similar.similarity)} the same as ${nameOf(unpack(similar.value), file)}`,
      );
    }
    if (asked === undefined) return undefined;
    return problem("conflicting-answers", `${nameOf(unpack(asked), file)} answers it otherwise`);
  };

  return {
    get isFull() {
      return nearRows?.isFull === true;
    },
    addEvaluationRow(row, place) {
      const value = pack(place);
      evalRows.put(evalKey(row), value);
      const key = promptKey(row);
      if (key !== undefined) evalPrompts.put(key, value);
      const text = nearEvalRows === undefined ? undefined : nearText(row);
      if (text !== undefined) nearEvalRows!.add(text, value);
    },
    add(row, place) {
      return [repetition(row, place), leakage(row)]
        .filter((found) => found !== undefined);
    },
  };
}

/** Two rows that differ in case and white space are the same to an evaluation. */
function evalKey(row: Row): Fingerprint {
  const exchange = exchangeOf(row);
  if (exchange === undefined) return fingerprint(rowIdentity(row));
  return fingerprint(normalised(`${exchange.prompt}\n\n${exchange.answer}`));
}

function promptKey(row: Row): Fingerprint | undefined {
  const prompt = exchangeOf(row)?.prompt ?? "";
  return prompt === "" ? undefined : fingerprint(normalised(prompt));
}

function nearText(row: Row): string | undefined {
  const exchange = exchangeOf(row);
  return exchange === undefined ? undefined : `${exchange.prompt} ${exchange.answer}`;
}

const percent = (part: number): string => `${Math.round(100 * part)} %`;

const LINES = 2 ** 40;

const pack = ({ file, line }: RowNumber): number => file * LINES + line;

function unpack(value: number): RowNumber {
  return { file: Math.floor(value / LINES), line: value % LINES };
}
