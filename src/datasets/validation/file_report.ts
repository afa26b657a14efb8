/**
 * What is found in one file: all of it is counted, the first of it is listed.
 *
 * @module
 */

import type { RowPlace } from "../row.ts";
import type { DataFile } from "../sources/data_file.ts";
import type { FindingCode } from "./codes.ts";
import { type Finding, isBroken, isError, isUnusable, type Problem } from "./finding.ts";

/** What was found in a file. */
export interface FileReport {
  /** The file. */
  readonly path: string;
  /** The form that its rows were read as. */
  readonly format: string;
  /** SHA-256 of its bytes; `undefined` if it could not be read to its end. */
  readonly sha256: string | undefined;
  /** Its rows. */
  readonly rows: number;
  /** Rows that cannot be trained on. */
  readonly unusableRows: number;
  /** Those of them that could not be trained on whatever the model were. */
  readonly brokenRows: number;
  /** How many findings there are of each kind. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>;
  /** The first errors, in the order of rows. */
  readonly errors: readonly Finding[];
  /** The first warnings, in the order of rows. */
  readonly warnings: readonly Finding[];
  /** How many errors there are. */
  readonly errorCount: number;
  /** How many warnings there are. */
  readonly warningCount: number;
}

/** Takes what is found in a file. */
export interface FileReporter {
  /** Counts a row, with what is wrong or odd with it. */
  row(problems: readonly Problem[], place: RowPlace): void;
  /** Takes what is wrong at a place, but not with a row that has to be counted. */
  at(problem: Problem, place: Pick<RowPlace, "line" | "row">): void;
  /** Takes what is wrong with the file as a whole. */
  file(problem: Problem): void;
  /** The file was read to its end. */
  end(sha256: string): void;
  /** Returns what was found. */
  report(): FileReport;
}

/** Options of {@linkcode createFileReporter}. */
export interface FileReporterOptions {
  /** How many errors to list, and as many warnings. */
  readonly maxFindings: number;
  /** Whether findings name the file. */
  readonly showsSource: boolean;
}

/** Creates a reporter. */
export function createFileReporter(
  { path, choice }: DataFile,
  { maxFindings, showsSource }: FileReporterOptions,
): FileReporter {
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const counts: Partial<Record<FindingCode, number>> = {};
  let [rows, unusableRows, brokenRows, errorCount, warningCount] = [0, 0, 0, 0, 0];
  let sha256: string | undefined;

  const add = (problem: Problem, { line, row }: Pick<RowPlace, "line" | "row">) => {
    counts[problem.code] = (counts[problem.code] ?? 0) + 1;
    const isGrave = isError(problem);
    if (isGrave) errorCount++;
    else warningCount++;
    const listed = isGrave ? errors : warnings;
    if (listed.length >= maxFindings) return;
    const place = row === undefined || row === line ? { line } : { line, row };
    listed.push({ ...place, ...problem, ...showsSource ? { source: path } : {} });
  };

  return {
    row(problems, place) {
      rows++;
      if (problems.some(isUnusable)) unusableRows++;
      if (problems.some(isBroken)) brokenRows++;
      for (const problem of problems) add(problem, place);
    },
    at: add,
    file: (problem) => add(problem, { line: 0 }),
    end: (hash) => sha256 = hash,
    report: () => ({
      ...{
        path,
        format: choice,
        sha256,
        rows,
        unusableRows,
        brokenRows,
        counts,
        errorCount,
        warningCount,
      },
      errors,
      warnings: warnings.toSorted((a, b) => a.line - b.line || (a.row ?? 0) - (b.row ?? 0)),
    }),
  };
}
