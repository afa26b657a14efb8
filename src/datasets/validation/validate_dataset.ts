/**
 * Looking a whole data set over before anything is trained on it: every mistake, not only the first.
 *
 * @module
 */

import { ROW_KINDS, type RowKind } from "../row.ts";
import { RowError } from "../row_error.ts";
import type { DataFile } from "../sources/data_file.ts";
import { type ReadFile, readRows, type SourceRow } from "../sources/read_rows.ts";
import { FINDING_CODES, type FindingCode } from "./codes.ts";
import { createRowComparison, type RowNumber } from "./compare_rows.ts";
import { createExaminer, rowProblem, type ValidationModel } from "./examine_rows.ts";
import { createFileReporter, type FileReport, type FileReporter } from "./file_report.ts";
import { type Finding, isUnusable, problem } from "./finding.ts";
import { includesLevel, type ValidationLevel } from "./levels.ts";
import { createLengthWatch } from "./long_rows.ts";
import { createMeasure, type TokenStatistics } from "./measure_rows.ts";

/** What was found. */
export interface ValidationReport {
  /** Whether there are no errors. */
  readonly valid: boolean;
  /** How closely rows were looked at. */
  readonly level: ValidationLevel;
  /** All rows. */
  readonly rows: number;
  /** Those that can be trained on. */
  readonly usableRows: number;
  /** How many of these there are of each kind. */
  readonly kinds: Readonly<Record<RowKind, number>>;
  /** For what the data set is refused, in the order of files and rows. */
  readonly errors: readonly Finding[];
  /** What is odd, in the order of files and rows. */
  readonly warnings: readonly Finding[];
  /** How many errors there are, those that are not listed included. */
  readonly errorCount: number;
  /** How many warnings there are, those that are not listed included. */
  readonly warningCount: number;
  /** How many findings there are of each kind. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>;
  /** What was found in each file. */
  readonly files: readonly FileReport[];
  /** What was found in each file of the evaluation set. */
  readonly evaluation: readonly FileReport[];
  /** Lengths in tokens; `undefined` without a model or at the level `quick`. */
  readonly lengths: TokenStatistics | undefined;
}

/** Options of {@linkcode validateDataset}. */
export interface ValidateDatasetOptions {
  /** How closely to look. @default {"standard"} */
  readonly level?: ValidationLevel;
  /** The model that is to be trained. @default {lengths, ids and templates are not looked at} */
  readonly model?: ValidationModel | undefined;
  /** Most tokens of a row, where there is no model to count them with. @default {rows may be of any length} */
  readonly maxLength?: number | undefined;
  /** The files that will be evaluated on. @default {nothing is compared with} */
  readonly evaluation?: readonly DataFile[];
  /** How many errors, and as many warnings, to list of each file. @default {100_000} */
  readonly maxFindings?: number;
  /** Told how many bytes have been read. @default {nothing is told} */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the files of a data set and reports what is wrong or odd with them. Of rows that have been read only hashes and
 * lengths are kept.
 *
 * @throws {UserError} If a file cannot be opened.
 */
export async function validateDataset(
  files: readonly DataFile[],
  options: ValidateDatasetOptions = {},
): Promise<ValidationReport> {
  const { level = "standard", model, maxLength, evaluation = [], maxFindings = 100_000 } = options;
  const isStandard = includesLevel(level, "standard");
  const showsSource = files.length + evaluation.length > 1;
  const reporterOf = (file: DataFile) => createFileReporter(file, { maxFindings, showsSource });
  const reporters = files.map(reporterOf);
  const evaluationReporters = evaluation.map(reporterOf);

  const comparison = isStandard
    ? createRowComparison({
      near: includesLevel(level, "deep"),
      nameOf: (row, from) => rowName(files[row.file]!, row, row.file !== from),
      evalNameOf: (row) => rowName(evaluation[row.file]!, row, true),
    })
    : undefined;
  const measure = isStandard && model !== undefined ? createMeasure(model.maxLength) : undefined;
  const examiner = createExaminer({ level, model, measure, comparison });
  const watch = isStandard && model === undefined ? createLengthWatch(maxLength) : undefined;
  const kinds = Object.fromEntries(ROW_KINDS.map((kind) => [kind, 0])) as Record<RowKind, number>;

  const reading = { ...options, vocabSize: model?.vocabSize };
  if (comparison !== undefined) {
    for await (
      const { item, number } of readAll(evaluation, { ...reading, reporters: evaluationReporters })
    ) {
      const { row, problem, place } = item;
      evaluationReporters[number.file]!.row(
        problem === undefined ? [] : [rowProblem(problem)],
        place,
      );
      if (row !== undefined) comparison.addEvaluationRow(row, number);
    }
  }
  for await (const { item, number } of readAll(files, { ...reading, reporters })) {
    const { row, place } = item;
    const reporter = reporters[number.file]!;
    if (row === undefined) {
      reporter.row([rowProblem(item.problem)], place);
      continue;
    }
    const problems = examiner.examine(row, { place, number });
    problems.push(...watch?.add(row, { file: number.file, place }) ?? []);
    reporter.row(problems, place);
    if (!problems.some(isUnusable)) kinds[row.kind]++;
  }
  for (const { problem, file, place } of watch?.unusual() ?? []) {
    reporters[file]!.at(problem, place);
  }
  if (comparison?.isFull === true) {
    const message = "there are so many rows that not all were compared with each other";
    reporters[0]?.file(problem("not-looked-at", message));
  }
  const ofFiles = reporters.map((reporter) => reporter.report());
  const ofEvaluation = evaluationReporters.map((reporter) => reporter.report());
  return {
    ...{ level, kinds, lengths: measure?.statistics(), files: ofFiles, evaluation: ofEvaluation },
    rows: sum(ofFiles, ({ rows }) => rows),
    usableRows: sum(ofFiles, ({ rows, unusableRows }) => rows - unusableRows),
    ...joined([...ofFiles, ...ofEvaluation]),
  };
}

interface ReadAllOptions extends Pick<ValidateDatasetOptions, "onBytes" | "signal"> {
  readonly reporters: readonly FileReporter[];
  readonly vocabSize: number | undefined;
}

interface NumberedRow {
  readonly item: SourceRow;
  readonly number: RowNumber;
}

/** Yields all rows that can be read; a file that cannot be read on or that is empty is told to its reporter. */
async function* readAll(
  files: readonly DataFile[],
  { reporters, vocabSize, onBytes, signal }: ReadAllOptions,
): AsyncGenerator<NumberedRow, void> {
  for (const [index, file] of files.entries()) {
    const reporter = reporters[index]!;
    let isEmpty = false;
    const onFileEnd = ({ sha256, rows }: ReadFile) => {
      isEmpty = rows === 0;
      reporter.end(sha256);
    };
    try {
      for await (const item of readRows([file], { vocabSize, onBytes, onFileEnd, signal })) {
        yield { item, number: { file: index, line: item.place.row ?? item.place.line } };
      }
    } catch (error) {
      if (error instanceof RowError) reporter.at(rowProblem(error.problem), error.place);
      else if (isEmpty) reporter.file(problem("empty-file", "it has no rows"));
      else throw error;
    }
  }
}

type Findings = Pick<
  ValidationReport,
  "valid" | "errors" | "warnings" | "errorCount" | "warningCount" | "counts"
>;

function joined(reports: readonly FileReport[]): Findings {
  const counts: Partial<Record<FindingCode, number>> = {};
  for (const code of FINDING_CODES) {
    const count = sum(reports, (report) => report.counts[code] ?? 0);
    if (count > 0) counts[code] = count;
  }
  const errorCount = sum(reports, ({ errorCount }) => errorCount);
  return {
    valid: errorCount === 0,
    errors: reports.flatMap(({ errors }) => errors),
    warnings: reports.flatMap(({ warnings }) => warnings),
    errorCount,
    warningCount: sum(reports, ({ warningCount }) => warningCount),
    counts,
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** Names a row of a file: `line 3`, or `row 3 of "b.json"`. */
function rowName({ path, container }: DataFile, { line }: RowNumber, showsPath: boolean): string {
  const name = `${container === "jsonl" || container === "text" ? "line" : "row"} ${line}`;
  return showsPath ? `${name} of "${path}"` : name;
}
