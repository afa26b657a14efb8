/**
 * The loss on data that is not trained on.
 *
 * @module
 */

import { createMicroBatch, type MicroBatch, paddedShape } from "../../datasets/batch.ts";
import {
  type Dataset,
  longestPacked,
  sequenceAt,
  sequenceLengths,
} from "../../datasets/dataset.ts";
import type { TrainingConfig } from "./config.ts";
import type { Trainer } from "./trainer.ts";

/** Returns the mean loss over the trained tokens of a data set. */
export async function evaluateOn(
  dataset: Dataset,
  { trainer, config }: { readonly trainer: Trainer; readonly config: TrainingConfig },
): Promise<number> {
  const { batchSize } = config;
  const rows = longestFirst(dataset);
  const longestExample = longestPacked(dataset);
  let loss = 0;
  let count = 0;
  for (let first = 0; first < rows.length; first += batchSize) {
    const taken = rows.subarray(first, first + batchSize);
    const batch = batchOf(dataset, { rows: taken, batchSize, longestExample });
    loss += await trainer.evaluate(batch);
    count += batch.trainedTokens;
  }
  return loss / count;
}

/** Returns the largest micro-batch of a data set: what can be evaluated on it can be on all. */
export function longestBatch(dataset: Dataset, { batchSize }: TrainingConfig): MicroBatch {
  const rows = longestFirst(dataset).subarray(0, 1);
  return batchOf(dataset, { rows, batchSize, longestExample: longestPacked(dataset) });
}

/** Rows of about the same length share a micro-batch: there is little padding then. */
function longestFirst(dataset: Dataset): Int32Array {
  const lengths = sequenceLengths(dataset);
  return Int32Array.from(lengths, (_, row) => row)
    .sort((a, b) => lengths[b]! - lengths[a]! || a - b);
}

/** Puts rows side by side of which the first is the longest. */
function batchOf(
  dataset: Dataset,
  { rows, batchSize, longestExample }: {
    readonly rows: Int32Array;
    readonly batchSize: number;
    readonly longestExample: number | undefined;
  },
): MicroBatch {
  return createMicroBatch(Array.from(rows, (row) => sequenceAt(dataset, row)), {
    batchSize,
    padTokenId: 0,
    packed: longestExample !== undefined,
    shape: paddedShape(sequenceLengths(dataset)[rows[0]!]!, { batchSize, longestExample }),
  });
}
