/**
 * A data set in memory: its rows as ids and labels, one after the other in two flat arrays.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";
import { encodeRow, type Example } from "./encode.ts";
import { createIntList } from "./int_list.ts";
import { readLines } from "./jsonl.ts";
import { countTrainedTokens } from "./labels.ts";
import { parseRow } from "./parse_row.ts";
import type { RowPlace } from "./row.ts";
import type { TrainOn } from "./train_on.ts";

/** What a data set amounts to. */
export interface DatasetStatistics {
  /** Rows of the file. */
  readonly rows: number;
  /** Those that are conversations. */
  readonly conversations: number;
  /** Sequences that they make: a long text makes several. */
  readonly examples: number;
  /** Tokens of all examples. */
  readonly tokens: number;
  /** Those whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens of the longest example. */
  readonly longestExample: number;
  /** Rows whose end was cut off. */
  readonly truncatedRows: number;
  /** Rows left out, because nothing trained is left of them. */
  readonly droppedRows: number;
}

/** A data set, ready to be trained on. */
export interface Dataset {
  /** The file it was read from. */
  readonly path: string;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
  /** What it amounts to. */
  readonly statistics: DatasetStatistics;
  /** Ids of all examples. */
  readonly inputIds: Int32Array;
  /** Labels of all examples. */
  readonly labels: Int32Array;
  /** Where each example begins, and in the end where the last one ends. */
  readonly offsets: Int32Array;
}

/** Options of {@linkcode openDataset}. */
export interface OpenDatasetOptions {
  /** Reads texts; a data set of tokenised rows needs none. */
  readonly tokenizer: Tokenizer | undefined;
  /** Most tokens of an example. */
  readonly maxLength: number;
  /** Which tokens of conversations and completions are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
  /** Number of token ids of the model. */
  readonly vocabSize: number;
  /** Told what is odd about a row without making it useless. @default {nothing is told} */
  readonly onWarning?: (warning: string, place: RowPlace) => void;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a JSON Lines file.
 *
 * @throws {UserError} If a row cannot be used or none has anything to train; the message names file and line.
 */
export async function openDataset(path: string, options: OpenDatasetOptions): Promise<Dataset> {
  const { tokenizer, maxLength, trainOn, vocabSize, onWarning, signal } = options;
  const hash = createHash("sha256");
  const inputIds = createIntList();
  const labels = createIntList();
  const offsets = createIntList();
  offsets.append([0]);
  const counts = {
    rows: 0,
    conversations: 0,
    truncatedRows: 0,
    droppedRows: 0,
    trainedTokens: 0,
    longestExample: 0,
  };
  const append = (example: Example) => {
    inputIds.append(example.inputIds);
    labels.append(example.labels);
    offsets.append([inputIds.length]);
    counts.trainedTokens += countTrainedTokens(example.labels);
    counts.longestExample = Math.max(counts.longestExample, example.inputIds.length);
  };

  for await (const { line, text } of readLines(path, { onBytes: (b) => hash.update(b), signal })) {
    const place = { path, line };
    const { row, warnings } = parseRow(text, { place, vocabSize });
    for (const warning of warnings) onWarning?.(warning, place);
    const { examples, truncated } = encodeRow(row, {
      place,
      tokenizer,
      maxLength,
      trainOn,
      vocabSize,
    });
    counts.rows++;
    if (row.kind === "messages") counts.conversations++;
    if (truncated) counts.truncatedRows++;
    if (examples.length === 0) counts.droppedRows++;
    examples.forEach(append);
  }
  if (counts.droppedRows === counts.rows) {
    throw new UserError(
      `Cannot train on "${path}": none of its ${counts.rows} rows has a trained token among its ` +
        `first ${maxLength} tokens; raise --max-length or look at the rows with "data preview"`,
    );
  }
  return {
    path,
    sha256: hash.digest("hex"),
    statistics: { ...counts, examples: offsets.length - 1, tokens: inputIds.length },
    inputIds: inputIds.toArray(),
    labels: labels.toArray(),
    offsets: offsets.toArray(),
  };
}

/** Returns the number of examples. */
export function exampleCount(dataset: Dataset): number {
  return dataset.offsets.length - 1;
}

/** Returns one example, as views of the data set's arrays. */
export function exampleAt({ inputIds, labels, offsets }: Dataset, index: number): Example {
  const start = offsets[index]!;
  const end = offsets[index + 1]!;
  return { inputIds: inputIds.subarray(start, end), labels: labels.subarray(start, end) };
}
