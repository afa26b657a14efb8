/**
 * The loss on data that is not trained on.
 *
 * @module
 */

import { createMicroBatch, type MicroBatch } from "../../datasets/batch.ts";
import { type Dataset, exampleAt, exampleCount } from "../../datasets/dataset.ts";
import type { TrainingConfig } from "./config.ts";
import type { Trainer } from "./trainer.ts";

/** Returns the mean loss over the trained tokens of a data set. */
export async function evaluateOn(
  dataset: Dataset,
  { trainer, config }: { readonly trainer: Trainer; readonly config: TrainingConfig },
): Promise<number> {
  let loss = 0;
  let count = 0;
  for (let first = 0; first < exampleCount(dataset); first += config.batchSize) {
    const rows = Math.min(config.batchSize, exampleCount(dataset) - first);
    const examples = Array.from({ length: rows }, (_, i) => exampleAt(dataset, first + i));
    const batch = createMicroBatch(examples, { batchSize: config.batchSize, padTokenId: 0 });
    loss += await trainer.evaluate(batch);
    count += batch.trainedTokens;
  }
  return loss / count;
}

/** Returns the largest micro-batch of a data set: what can be evaluated on it can be on all. */
export function longestBatch(dataset: Dataset, { batchSize }: TrainingConfig): MicroBatch {
  const lengths = dataset.offsets.subarray(1).map((end, i) => end - dataset.offsets[i]!);
  const longest = exampleAt(dataset, lengths.indexOf(dataset.statistics.longestExample));
  return createMicroBatch([longest], { batchSize, padTokenId: 0 });
}
