/**
 * Rows as packing puts them into sequences.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { encodeRow, type Example } from "./encode.ts";
import { encodeProblem } from "./encode_problem.ts";
import { packExamples } from "./packing.ts";
import { type PreviewToken, previewTokens } from "./preview_tokens.ts";
import type { RowPlace } from "./row.ts";
import type { DataFile } from "./sources/data_file.ts";
import { readRows } from "./sources/read_rows.ts";
import type { TrainOn } from "./train_on.ts";
import { refusalOf } from "./validation/usable_rows.ts";

/** An example in a sequence. */
export interface PackedExample {
  /** The line of its row, counted from 1. */
  readonly line: number;
  /** The row, counted from 1, where that is not the line. */
  readonly row?: number;
  /** Its tokens; they see nothing of the other examples. */
  readonly tokens: readonly PreviewToken[];
}

/** Examples that share a row of a batch. */
export interface PackedSequence {
  /** The examples, one after the other. */
  readonly examples: readonly PackedExample[];
  /** Tokens of all of them. */
  readonly tokenCount: number;
  /** Those of them that are trained. */
  readonly trainedCount: number;
  /** The part of the sequence that holds tokens, from 0 to 1. */
  readonly filled: number;
}

/** Options of {@linkcode previewPacking}. */
export interface PreviewPackingOptions {
  /** Reads texts. */
  readonly tokenizer: Tokenizer;
  /** Tokens of a sequence. */
  readonly maxLength: number;
  /** Which tokens of conversations are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
  /** Most rows to pack; a run packs all. @default {1000} */
  readonly maxRows?: number;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Packs the first rows of files; rows that cannot be used are passed over.
 *
 * @throws {UserError} If a file cannot be read.
 */
export async function previewPacking(
  files: readonly DataFile[],
  options: PreviewPackingOptions,
): Promise<PackedSequence[]> {
  const { tokenizer, maxLength, trainOn, maxRows = 1000, signal } = options;
  const found: { readonly example: Example; readonly place: RowPlace }[] = [];
  let rows = 0;
  for await (const item of readRows(files, { signal })) {
    const { row, place } = item;
    if (++rows > maxRows) break;
    if (row === undefined || refusalOf(item) !== undefined) continue;
    try {
      const { examples } = encodeRow(row, { tokenizer, place, maxLength, trainOn });
      found.push(...examples.map((example) => ({ example, place })));
    } catch (error) {
      encodeProblem(error, place); // throws what is no problem of the row
    }
  }
  const lengths = Int32Array.from(found, ({ example }) => example.inputIds.length);
  const { members, offsets } = packExamples(lengths, { maxLength });
  return Array.from(offsets.subarray(1), (end, sequence) => {
    const examples = Array.from(members.subarray(offsets[sequence], end), (index) => {
      const { example, place: { line, row } } = found[index]!;
      const place = row === undefined || row === line ? { line } : { line, row };
      return { ...place, tokens: previewTokens(example, tokenizer) };
    });
    const tokens = examples.flatMap(({ tokens }) => tokens);
    return {
      examples,
      tokenCount: tokens.length,
      trainedCount: tokens.filter(({ trained }) => trained).length,
      filled: tokens.length / maxLength,
    };
  });
}
