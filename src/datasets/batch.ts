/**
 * Examples side by side, as a training graph reads them.
 *
 * @module
 */

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
  /** Rows; those beyond the examples hold padding alone. */
  readonly batchSize: number;
  /** Id that fills rows up. */
  readonly padTokenId: number;
}

/** Puts `examples` side by side, each label where its token is predicted: one place earlier. */
export function createMicroBatch(
  examples: readonly Example[],
  { batchSize, padTokenId }: MicroBatchOptions,
): MicroBatch {
  const seqLen = paddedLength(Math.max(...examples.map(({ inputIds }) => inputIds.length)));
  const ids = new Int32Array(batchSize * seqLen).fill(padTokenId);
  const labels = new Int32Array(batchSize * seqLen).fill(IGNORED_LABEL);
  let trainedTokens = 0;
  let tokens = 0;
  examples.forEach((example, row) => {
    ids.set(example.inputIds, row * seqLen);
    labels.set(example.labels.subarray(1), row * seqLen);
    trainedTokens += countTrainedTokens(example.labels);
    tokens += example.inputIds.length;
  });
  return { ids, labels, batch: batchSize, seqLen, trainedTokens, tokens };
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
