/**
 * Rows looked over one after the other: each by itself, by the model, and against the others.
 *
 * @module
 */

import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { encodeRow } from "../encode.ts";
import { encodeProblem } from "../encode_problem.ts";
import type { Row, RowPlace } from "../row.ts";
import type { RowProblem } from "../row_error.ts";
import type { TrainOn } from "../train_on.ts";
import { checkRow } from "./check_row.ts";
import type { RowComparison, RowNumber } from "./compare_rows.ts";
import { isUnusable, type Problem, problem } from "./finding.ts";
import { includesLevel, type ValidationLevel } from "./levels.ts";
import type { Measure } from "./measure_rows.ts";

/** What rows are measured by. */
export interface ValidationModel {
  /** Reads texts. */
  readonly tokenizer: Tokenizer | undefined;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** Most tokens of a row. */
  readonly maxLength: number;
  /** Which tokens of conversations are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
}

/** Options of {@linkcode createExaminer}. */
export interface ExaminerOptions {
  /** How closely rows are looked at. */
  readonly level: ValidationLevel;
  /** The model that is to be trained. */
  readonly model: ValidationModel | undefined;
  /** Measures rows, where there is a model. */
  readonly measure: Measure | undefined;
  /** Compares rows with each other. */
  readonly comparison: RowComparison | undefined;
}

/** Looks rows over. */
export interface Examiner {
  /** Returns all that is wrong or odd with a row. */
  examine(row: Row, where: { readonly place: RowPlace; readonly number: RowNumber }): Problem[];
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Creates an examiner. */
export function createExaminer(options: ExaminerOptions): Examiner {
  const { level, model, measure, comparison } = options;

  const byModel = (row: Row, place: RowPlace): Problem[] => {
    if (model === undefined || measure === undefined) return [];
    try {
      const { examples } = encodeRow(row, { ...model, place, maxLength: UNLIMITED });
      return measure.add(examples[0]?.labels ?? new Int32Array(), row.kind);
    } catch (error) {
      return [rowProblem(encodeProblem(error, place))];
    }
  };

  return {
    examine(row, { place, number }) {
      const problems = checkRow(row, level);
      if (problems.some(isUnusable) || !includesLevel(level, "standard")) return problems;
      const measured = byModel(row, place);
      const compared = measured.some(isUnusable) ? [] : comparison?.add(row, number) ?? [];
      return [...problems, ...measured, ...compared];
    },
  };
}

/** Returns what is wrong with a row that could not be parsed or encoded. */
export function rowProblem({ code, message, fix }: RowProblem): Problem {
  return problem(code, message, fix);
}
