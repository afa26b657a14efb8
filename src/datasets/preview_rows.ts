/**
 * Rows as a person reads them, with what a model will make of them.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { encodeRow } from "./encode.ts";
import { encodeProblem } from "./encode_problem.ts";
import { type Segment, sourceSegments } from "./preview.ts";
import { type PreviewToken, previewTokens } from "./preview_tokens.ts";
import type { Row, RowKind, RowPlace } from "./row.ts";
import type { RowProblem } from "./row_error.ts";
import type { DataFile } from "./sources/data_file.ts";
import { readRows } from "./sources/read_rows.ts";
import type { TrainOn } from "./train_on.ts";
import { refusalOf } from "./validation/usable_rows.ts";

/** A row to look at. */
export interface PreviewRow {
  /** The file that it is in. */
  readonly path: string;
  /** The line in which it begins, counted from 1. */
  readonly line: number;
  /** The row, counted from 1, where that is not the line. */
  readonly row?: number;
  /** Its kind; `undefined` where it cannot be used. */
  readonly kind: RowKind | undefined;
  /** Stretches of what is trained and what is not, as the file has them, where there is no tokenizer. */
  readonly segments?: readonly Segment[];
  /** Tokens up to the limit, where there is a tokenizer or the row is tokenised. */
  readonly tokens?: readonly PreviewToken[];
  /** How many tokens there are. */
  readonly tokenCount?: number;
  /** How many tokens are trained; those beyond the limit are not. */
  readonly trainedCount?: number;
  /** How many tokens are cut off at the limit; texts go on in the next example. */
  readonly cutOff?: number;
  /** What is odd about it. */
  readonly warnings: readonly string[];
  /** Why it cannot be used. */
  readonly problem?: RowProblem;
}

/** Options of {@linkcode previewRows}. */
export interface PreviewRowsOptions {
  /** Reads texts. @default {rows are shown as the file has them} */
  readonly tokenizer?: Tokenizer | undefined;
  /** Most tokens of an example. @default {Infinity} */
  readonly maxLength?: number | undefined;
  /** Which tokens of conversations are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the rows of files, those that cannot be used as well.
 *
 * @throws {UserError} If a file cannot be read.
 */
export async function* previewRows(
  files: readonly DataFile[],
  options: PreviewRowsOptions = {},
): AsyncGenerator<PreviewRow, void> {
  for await (const item of readRows(files, { signal: options.signal })) {
    const { path, line, row } = item.place;
    const place = row === undefined || row === line ? { path, line } : { path, line, row };
    const refusal = refusalOf(item);
    if (item.row === undefined || refusal !== undefined) {
      yield { ...place, kind: item.row?.kind, warnings: [], problem: refusal! };
      continue;
    }
    const { warnings } = item;
    try {
      yield {
        ...place,
        kind: item.row.kind,
        warnings,
        ...content(item.row, { ...options, place: item.place }),
      };
    } catch (error) {
      const problem = encodeProblem(error, item.place);
      yield { ...place, kind: item.row.kind, warnings, problem };
    }
  }
}

type Content = Pick<
  PreviewRow,
  "segments" | "tokens" | "tokenCount" | "trainedCount" | "cutOff"
>;

function content(
  row: Row,
  options: PreviewRowsOptions & { readonly place: RowPlace },
): Content {
  const { tokenizer, maxLength = Infinity } = options;
  if (tokenizer === undefined && row.kind !== "tokens") return { segments: sourceSegments(row) };
  const { examples } = encodeRow(row, { ...options, tokenizer, maxLength: UNLIMITED });
  const [example] = examples;
  if (example === undefined) return { tokens: [], tokenCount: 0, trainedCount: 0 };
  const { length } = example.inputIds;
  const kept = Math.min(length, maxLength);
  const tokens = previewTokens({
    inputIds: example.inputIds.subarray(0, kept),
    labels: example.labels.subarray(0, kept),
  }, tokenizer);
  return {
    tokens,
    tokenCount: length,
    trainedCount: tokens.filter(({ trained }) => trained).length,
    ...kept < length ? { cutOff: length - kept } : {},
  };
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;
