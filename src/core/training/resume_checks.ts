/**
 * Whether a run may go on with the data and the settings that it is given.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import type { Checkpoint } from "../../models/checkpoint/open.ts";
import { UserError } from "../../utils/errors.ts";
import type { TrainingConfig } from "./config.ts";

/** Settings that decide which rows there are and in which order they come, by their flags. */
const ORDER_SETTINGS = {
  maxLength: "--max-length",
  truncation: "--truncation",
  packing: "--packing",
  groupByLength: "--group-by-length",
  shuffle: "--no-shuffle",
  seed: "--seed",
  evalSplit: "--eval-split",
} as const;

/**
 * Checks that the rows that follow in an epoch are those that would have followed.
 *
 * @throws {UserError} If a file has changed, or within an epoch a setting that decides about rows.
 */
export function refuseOtherData(
  checkpoint: Checkpoint,
  { dataset, config }: { readonly dataset: Dataset; readonly config: TrainingConfig },
): void {
  const { path, trainer } = checkpoint;
  if (trainer.datasetSha256 !== dataset.sha256) {
    throw new UserError(
      `Cannot resume from "${path}": ${
        changedData(checkpoint, dataset)
      }, so that rows would be skipped or repeated; ` +
        `give the data set it began with, or start a new run with --model "${path}"`,
    );
  }
  if (trainer.cursor.index === 0) return;
  const saved = trainer.config as Partial<TrainingConfig>;
  const now = { ...config, maxLength: dataset.maxLength };
  // checkpoints of earlier versions lack what these had no flag for, and a length that was left open
  const before = { ...now, ...saved, maxLength: saved.maxLength ?? now.maxLength };
  const keys = Object.keys(ORDER_SETTINGS) as (keyof typeof ORDER_SETTINGS)[];
  const changed = keys.find((key) => before[key] !== now[key]);
  const isOtherBatch = config.groupByLength && before.batchSize !== now.batchSize;
  const flag = changed === undefined
    ? isOtherBatch ? "--batch-size" : undefined
    : ORDER_SETTINGS[changed];
  if (flag === undefined) return;
  throw new UserError(
    `Cannot resume from "${path}" with another ${flag}: it is in the middle of an epoch, of which rows would be ` +
      `skipped or repeated; leave ${flag} as it was, or start a new run with --model "${path}"`,
  );
}

/** Names the files that have changed. */
function changedData({ trainer }: Checkpoint, { path, files }: Dataset): string {
  const known = new Set(trainer.datasetFiles.map(({ sha256 }) => sha256));
  const changed = files.filter(({ sha256 }) => !known.has(sha256)).map((file) => `"${file.path}"`);
  if (changed.length === 0 && known.size > 0) {
    return `"${path}" has other files or weights than before`;
  }
  const names = known.size === 0 || changed.length === 0 ? `"${path}"` : changed.join(", ");
  return `${names} ${changed.length > 1 ? "have" : "has"} changed since`;
}
