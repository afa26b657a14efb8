/**
 * Examples side by side, as a training graph reads them.
 *
 * @module
 */

import type { RowShape } from "./batch_shapes.ts";
import type { Example } from "./encode.ts";
import { countTrainedTokens, IGNORED_LABEL } from "./labels.ts";

/** Rows of equal length that are run at once. */
export interface MicroBatch {
  /** Token ids, row by row: [batch · seqLen]; rows are filled up on the right. */
  readonly ids: Int32Array;
  /** For each id the one that follows it where that is trained, else −100: [batch · seqLen]. */
  readonly labels: Int32Array;
  /**
   * Where rows hold several examples: the number of each token's example in its row, −1 for padding. Examples begin at
   * position 0 and see nothing of each other. @default {each row is one example}
   */
  readonly segments?: Int32Array;
  /** Where rows hold several examples: the most tokens that one may have. @default {those of a row} */
  readonly reach?: number;
  /** Rows. */
  readonly batch: number;
  /** Tokens of a row, padding included. */
  readonly seqLen: number;
  /** Labels that are not −100. */
  readonly trainedTokens: number;
  /** Tokens without padding. */
  readonly tokens: number;
}

/** Options of {@linkcode createMicroBatch}. */
export interface MicroBatchOptions {
  /** Rows; those beyond the given ones hold padding alone. */
  readonly batchSize: number;
  /** Id that fills rows up. */
  readonly padTokenId: number;
  /** Whether rows may hold several examples. @default {false} */
  readonly packed?: boolean;
  /** How the rows lie. @default {that of {@linkcode paddedShape}} */
  readonly shape?: RowShape | undefined;
}

/**
 * Puts rows of one or, where they are packed, several examples side by side, each label where its token is predicted:
 * one place earlier.
 */
export function createMicroBatch(
  rows: readonly (readonly Example[])[],
  options: MicroBatchOptions,
): MicroBatch {
  const { batchSize, padTokenId } = options;
  const { batch, seqLen, joined, reach } = options.shape ??
    paddedShape(Math.max(...rows.map(tokensOf)), { batchSize });
  const packed = joined || (options.packed ?? false);
  const ids = new Int32Array(batch * seqLen).fill(padTokenId);
  const labels = new Int32Array(batch * seqLen).fill(IGNORED_LABEL);
  const segments = new Int32Array(packed ? batch * seqLen : 0).fill(PADDING_SEGMENT);
  let trainedTokens = 0;
  (joined ? [rows.flat()] : rows).forEach((examples, row) => {
    let at = row * seqLen;
    examples.forEach((example, segment) => {
      const { length } = example.inputIds;
      if (length > reach) {
        throw new RangeError(`An example of ${length} tokens is in rows for such of ${reach}`);
      }
      ids.set(example.inputIds, at);
      labels.set(example.labels.subarray(1), at);
      if (packed) segments.fill(segment, at, at + length);
      trainedTokens += countTrainedTokens(example.labels);
      at += length;
    });
  });
  const tokens = rows.reduce((sum, row) => sum + tokensOf(row), 0);
  const counts = { batch, seqLen, trainedTokens, tokens };
  return packed ? { ids, labels, segments, reach, ...counts } : { ids, labels, ...counts };
}

/** Options of {@linkcode paddedShape}. */
export interface PaddedShapeOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Tokens of the longest example, where rows hold several. @default {those of a row} */
  readonly longestExample?: number | undefined;
}

/** Returns the shape of a micro-batch whose longest row has `length` tokens and is filled up by {@linkcode paddedLength}. */
export function paddedShape(
  length: number,
  { batchSize, longestExample = Infinity }: PaddedShapeOptions,
): RowShape {
  const seqLen = paddedLength(length);
  return { batch: batchSize, seqLen, joined: false, reach: Math.min(longestExample, seqLen) };
}

/** The number of what belongs to no example. */
const PADDING_SEGMENT = -1;

function tokensOf(examples: readonly Example[]): number {
  return examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
}

/**
 * Returns the length to which rows of `length` tokens are filled up: 16, 32, 48, 64, 96, 128, 192, … — few
 * lengths, because a graph is compiled for each, and less than a third of padding beyond 32.
 */
export function paddedLength(length: number): number {
  for (let power = 16;; power *= 2) {
    if (length <= power) return power;
    if (power >= 32 && length <= 1.5 * power) return 1.5 * power;
  }
}
