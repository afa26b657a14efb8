/**
 * What makes a row unusable, told so that a person finds it and mends it.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { placeName, type RowPlace } from "./row.ts";

/** Everything that may be wrong with a row by itself. */
export const ROW_PROBLEMS = [
  "bad-escape",
  "bad-template-variables",
  "bad-tool-call",
  "bad-tools",
  "bad-weight",
  "column-count",
  "empty-answer",
  "empty-content",
  "empty-messages",
  "id-out-of-range",
  "invalid-json",
  "invalid-utf8",
  "length-mismatch",
  "lone-surrogate",
  "missing-field",
  "no-assistant-turn",
  "not-an-object",
  "nothing-trained",
  "null-character",
  "other-format",
  "preference-row",
  "row-too-long",
  "template",
  "tool-answer-without-call",
  "tool-call-without-answer",
  "unknown-format",
  "unknown-role",
  "unreadable",
  "unsupported-content",
  "wrong-type",
] as const;

/** What is wrong with a row. */
export type RowProblemCode = (typeof ROW_PROBLEMS)[number];

/** What is wrong with a row, and what to do about it. */
export interface RowProblem {
  /** The kind of problem, the same in every version. */
  readonly code: RowProblemCode;
  /** What is wrong, without the place. */
  readonly message: string;
  /** What to do. @default {the message says it} */
  readonly fix?: string;
}

/** A row cannot be used. */
export class RowError extends UserError {
  /** Where it is. */
  readonly place: RowPlace;
  /** What is wrong. */
  readonly problem: RowProblem;

  /** Says "Cannot use line {line} of {path}: {message}; {fix}". */
  constructor(place: RowPlace, problem: RowProblem, options?: ErrorOptions) {
    super(`Cannot use ${placeName(place)} of "${place.path}": ${problemText(problem)}`, options);
    this.place = place;
    this.problem = problem;
  }
}

/** Returns a problem and its fix as one text. */
export function problemText({ message, fix }: RowProblem): string {
  return fix === undefined ? message : `${message}; ${fix}`;
}
