/**
 * Looking a whole data set over before anything is trained on it: every mistake, not only the first.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";
import { encodeRow } from "./encode.ts";
import { createIntList } from "./int_list.ts";
import { readLines } from "./jsonl.ts";
import { countTrainedTokens, hasTrainedToken } from "./labels.ts";
import { parseRow } from "./parse_row.ts";
import { ROW_KINDS, type RowKind } from "./row.ts";

/** Something odd, and where. */
export interface WarningCount {
  /** What is odd. */
  readonly warning: string;
  /** Rows it is found in. */
  readonly rows: number;
  /** The first line it is found in. */
  readonly firstLine: number;
}

/** How long the rows are, in tokens. */
export interface TokenStatistics {
  /** All tokens. */
  readonly tokens: number;
  /** Those whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens of the shortest row. */
  readonly min: number;
  /** Tokens of the row in the middle. */
  readonly median: number;
  /** Tokens that 95 of 100 rows do not pass. */
  readonly p95: number;
  /** Tokens of the longest row. */
  readonly max: number;
  /** The limit that rows were measured by. */
  readonly maxLength: number;
  /** Rows longer than the limit. */
  readonly longerRows: number;
  /** Rows of which nothing trained lies within the limit; training leaves them out. */
  readonly droppedRows: number;
}

/** What was found. */
export interface ValidationReport {
  /** The file. */
  readonly path: string;
  /** Whether it can be trained on. */
  readonly valid: boolean;
  /** Rows without mistakes. */
  readonly rows: number;
  /** How many there are of each kind. */
  readonly kinds: Readonly<Record<RowKind, number>>;
  /** Lines with mistakes. */
  readonly errorCount: number;
  /** The first of the mistakes. */
  readonly errors: readonly string[];
  /** What is odd without being wrong. */
  readonly warnings: readonly WarningCount[];
  /** Lengths; without a tokenizer unknown. */
  readonly lengths: TokenStatistics | undefined;
}

/** What rows are measured by. */
export interface ValidationModel {
  /** Reads texts. */
  readonly tokenizer: Tokenizer | undefined;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** Most tokens of a row. */
  readonly maxLength: number;
}

/** Options of {@linkcode validateDataset}. */
export interface ValidateDatasetOptions {
  /** The model that is to be trained. @default {lengths are not measured} */
  readonly model?: ValidationModel | undefined;
  /** How many mistakes to describe. @default {20} */
  readonly maxErrors?: number;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole data set and reports what is wrong or odd with it.
 *
 * @throws {UserError} If the file cannot be read.
 */
export async function validateDataset(
  path: string,
  options: ValidateDatasetOptions = {},
): Promise<ValidationReport> {
  const { model, maxErrors = 20, signal } = options;
  const kinds = Object.fromEntries(ROW_KINDS.map((kind) => [kind, 0])) as Record<RowKind, number>;
  const errors: string[] = [];
  const warnings = new Map<string, { rows: number; firstLine: number }>();
  const measure = model === undefined ? undefined : createMeasure(model);
  let rows = 0;
  let errorCount = 0;
  for await (const { line, text } of readLines(path, { signal })) {
    const place = { path, line };
    try {
      const parsed = parseRow(text, { place, vocabSize: model?.vocabSize });
      if (model !== undefined && measure !== undefined) {
        const { examples } = encodeRow(parsed.row, { ...model, place, maxLength: UNLIMITED });
        measure.add(examples[0]?.labels ?? new Int32Array(), parsed.row.kind === "text");
      }
      rows++;
      kinds[parsed.row.kind]++;
      for (const warning of parsed.warnings) {
        const known = warnings.get(warning);
        warnings.set(warning, {
          rows: (known?.rows ?? 0) + 1,
          firstLine: known?.firstLine ?? line,
        });
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errorCount++;
      if (errors.length < maxErrors) errors.push(error.message);
    }
  }
  const lengths = measure?.statistics();
  return {
    path,
    valid: errorCount === 0 && (lengths === undefined || lengths.droppedRows < rows),
    rows,
    kinds,
    errorCount,
    errors,
    warnings: [...warnings].map(([warning, found]) => ({ warning, ...found })),
    lengths,
  };
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;

interface Measure {
  add(labels: Int32Array, isText: boolean): void;
  statistics(): TokenStatistics | undefined;
}

function createMeasure({ maxLength }: ValidationModel): Measure {
  const lengths = createIntList();
  let trainedTokens = 0;
  let droppedRows = 0;
  return {
    add(labels, isText) {
      lengths.append([labels.length]);
      trainedTokens += countTrainedTokens(labels);
      // texts are cut into pieces, of anything else only the beginning is used
      if (!hasTrainedToken(isText ? labels : labels.subarray(0, maxLength))) droppedRows++;
    },
    statistics() {
      const sorted = lengths.toArray().sort();
      if (sorted.length === 0) return undefined;
      const quantile = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]!;
      return {
        tokens: sorted.reduce((sum, length) => sum + length, 0),
        trainedTokens,
        min: sorted[0]!,
        median: quantile(0.5),
        p95: quantile(0.95),
        max: sorted.at(-1)!,
        maxLength,
        longerRows: sorted.length - (sorted.findLastIndex((length) => length <= maxLength) + 1),
        droppedRows,
      };
    },
  };
}
