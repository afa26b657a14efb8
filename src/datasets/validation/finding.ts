/**
 * What validation finds.
 *
 * @module
 */

import { FINDING_KINDS, type FindingCode } from "./codes.ts";

/** What is wrong or odd with one row. */
export interface Problem {
  /** What kind of thing it is. */
  readonly code: FindingCode;
  /** What is so, with the key or the value. */
  readonly message: string;
  /** What mends it. */
  readonly fix: string;
}

/** A {@linkcode Problem} and where it is. */
export interface Finding extends Problem {
  /** The line, or the row where rows have no lines, counted from 1; 0 is the file as a whole. */
  readonly line: number;
  /** The row, counted from 1, where that is not the line. */
  readonly row?: number;
  /** The file, where several are looked at. */
  readonly source?: string;
}

/** Returns a problem; without `fix` what mends its kind. */
export function problem(code: FindingCode, message: string, fix?: string): Problem {
  return { code, message, fix: fix ?? FINDING_KINDS[code].fix };
}

/** Whether a row with the problem cannot be trained on. */
export function isUnusable({ code }: Problem): boolean {
  return FINDING_KINDS[code].unusable;
}

/** Whether a row with the problem cannot be trained on whatever the model is. */
export function isBroken({ code }: Problem): boolean {
  return FINDING_KINDS[code].unusable && FINDING_KINDS[code].dependsOn === "nothing";
}

/** Whether it is an error. */
export function isError({ code }: Problem): boolean {
  return FINDING_KINDS[code].severity === "error";
}
