/**
 * A data set in numbers: its rows, their lengths, how much of them is trained, and what padding and packing make of them.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { createRandom, shuffled } from "../utils/random.ts";
import { encodeRow } from "./encode.ts";
import { encodeProblem } from "./encode_problem.ts";
import { createIntList, type IntList } from "./int_list.ts";
import { countTrainedTokens } from "./labels.ts";
import {
  estimatePacking,
  estimatePadding,
  type HistogramBin,
  lengthHistogram,
  type LengthSummary,
  type PackingEstimate,
  summarizeLengths,
} from "./length_summary.ts";
import { type Row, ROW_KINDS, type RowKind, type RowPlace } from "./row.ts";
import type { RowProblemCode } from "./row_error.ts";
import type { DataFile } from "./sources/data_file.ts";
import { readRows } from "./sources/read_rows.ts";
import type { TrainOn } from "./train_on.ts";
import { refusalOf } from "./validation/usable_rows.ts";
import { exchangeOf, rowTexts } from "./validation/row_content.ts";

/** A data set in numbers. */
export interface DataStatistics {
  /** All rows. */
  readonly rows: number;
  /** Rows that cannot be trained on, by what is wrong with them. */
  readonly unusable: Readonly<Partial<Record<RowProblemCode, number>>>;
  /** Rows of each kind. */
  readonly kinds: Readonly<Record<RowKind, number>>;
  /** Rows of each file, and the form that they were read as. */
  readonly files: readonly FileStatistics[];
  /** Messages of conversations; `undefined` where there are none. */
  readonly turns: LengthSummary | undefined;
  /** How many messages are of each role. */
  readonly roles: Readonly<Record<string, number>>;
  /** Characters of rows; `undefined` where all are tokenised. */
  readonly characters: LengthSummary | undefined;
  /** Characters of their last answers, of raw texts all. */
  readonly answerCharacters: LengthSummary | undefined;
  /** Lengths in tokens; `undefined` without a tokenizer. */
  readonly tokens: TokenLengths | undefined;
  /** How many rows are how long, in tokens or else in characters. */
  readonly histogram: readonly HistogramBin[];
}

/** Rows of a file. */
export interface FileStatistics {
  /** The file. */
  readonly path: string;
  /** The form that its rows were read as. */
  readonly format: string;
  /** Its rows. */
  readonly rows: number;
}

/** Lengths in tokens, and what follows from them. */
export interface TokenLengths extends LengthSummary {
  /** Tokens whose prediction is trained. */
  readonly trainedTokens: number;
  /** The part of all tokens that is trained, from 0 to 1. */
  readonly trainedShare: number;
  /** The limit that is reckoned with. */
  readonly maxLength: number;
  /** Rows longer than the limit. */
  readonly longerRows: number;
  /** The part of batches, in random order, that is padding, from 0 to 1. */
  readonly padding: number;
  /** Rows of a batch that padding was estimated for. */
  readonly batchSize: number;
  /** What packing comes to. */
  readonly packing: PackingEstimate | undefined;
}

/** Options of {@linkcode computeStatistics}. */
export interface ComputeStatisticsOptions {
  /** Reads texts. @default {lengths are in characters} */
  readonly tokenizer?: Tokenizer | undefined;
  /** Most tokens of a row. @default {512} */
  readonly maxLength?: number | undefined;
  /** Rows of a batch. @default {8} */
  readonly batchSize?: number | undefined;
  /** Which tokens of conversations are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
  /** Told how many bytes have been read. @default {nothing is told} */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the files of a data set and counts.
 *
 * @throws {UserError} If a file cannot be read.
 */
export async function computeStatistics(
  files: readonly DataFile[],
  options: ComputeStatisticsOptions = {},
): Promise<DataStatistics> {
  const { tokenizer, onBytes, signal, trainOn } = options;
  const counter = createCounter();
  const rowsOfFiles = new Map<string, number>();
  let rows = 0;
  const unusable: Partial<Record<RowProblemCode, number>> = {};
  const refuse = (code: RowProblemCode) => unusable[code] = (unusable[code] ?? 0) + 1;
  for await (const item of readRows(files, { onBytes, signal })) {
    const { file, place } = item;
    rows++;
    rowsOfFiles.set(file.path, (rowsOfFiles.get(file.path) ?? 0) + 1);
    const refusal = refusalOf(item);
    if (item.row === undefined || refusal !== undefined) {
      refuse(refusal!.code);
      continue;
    }
    try {
      const labels = labelsOf(item.row, { tokenizer, place, trainOn });
      if (labels?.length === 0) refuse("nothing-trained");
      else counter.add(item.row, labels);
    } catch (error) {
      refuse(encodeProblem(error, place).code);
    }
  }
  return {
    rows,
    unusable,
    files: files.map(({ path, choice }) => ({
      path,
      format: choice,
      rows: rowsOfFiles.get(path) ?? 0,
    })),
    ...counter.result(options),
  };
}

function labelsOf(
  row: Row,
  { tokenizer, place, trainOn }: Pick<ComputeStatisticsOptions, "tokenizer" | "trainOn"> & {
    readonly place: RowPlace;
  },
): Int32Array | undefined {
  if (row.kind === "tokens") return row.labels;
  if (tokenizer === undefined) return undefined;
  const maxLength = Number.MAX_SAFE_INTEGER;
  return encodeRow(row, { tokenizer, place, trainOn, maxLength }).examples[0]?.labels ??
    new Int32Array();
}

type Counted = Omit<DataStatistics, "rows" | "unusable" | "files">;

interface Counter {
  add(row: Row, labels: Int32Array | undefined): void;
  result(options: ComputeStatisticsOptions): Counted;
}

function createCounter(): Counter {
  const kinds = Object.fromEntries(ROW_KINDS.map((kind) => [kind, 0])) as Record<RowKind, number>;
  const roles: Record<string, number> = {};
  const [turns, characters, answers, tokens] = Array.from({ length: 4 }, createIntList) as [
    IntList,
    IntList,
    IntList,
    IntList,
  ];
  let trainedTokens = 0;
  return {
    add(row, labels) {
      kinds[row.kind]++;
      if (row.kind === "messages") {
        turns.append([row.messages.length]);
        for (const { role } of row.messages) roles[role] = (roles[role] ?? 0) + 1;
      }
      const exchange = exchangeOf(row);
      if (exchange !== undefined) {
        characters.append([rowTexts(row).reduce((sum, { text }) => sum + text.length, 0)]);
        answers.append([exchange.answer.length]);
      }
      if (labels === undefined) return;
      tokens.append([labels.length]);
      trainedTokens += countTrainedTokens(labels);
    },
    result: (options) => ({
      kinds,
      roles,
      turns: summarizeLengths(turns.toArray()),
      characters: summarizeLengths(characters.toArray()),
      answerCharacters: summarizeLengths(answers.toArray()),
      tokens: tokenLengths(tokens.toArray(), { ...options, trainedTokens }),
      histogram: lengthHistogram((tokens.length > 0 ? tokens : characters).toArray()),
    }),
  };
}

function tokenLengths(
  lengths: Int32Array,
  options: ComputeStatisticsOptions & { readonly trainedTokens: number },
): TokenLengths | undefined {
  const { trainedTokens, maxLength = 512, batchSize = 8 } = options;
  const summary = summarizeLengths(lengths);
  if (summary === undefined) return undefined;
  const order = shuffled(lengths, createRandom(0));
  return {
    ...summary,
    trainedTokens,
    trainedShare: summary.total === 0 ? 0 : trainedTokens / summary.total,
    maxLength,
    longerRows: lengths.filter((length) => length > maxLength).length,
    padding: estimatePadding(order, { batchSize, maxLength }),
    batchSize,
    packing: estimatePacking(lengths, maxLength),
  };
}
