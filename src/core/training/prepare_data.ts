/**
 * What a run is trained on and what it is evaluated on.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import { splitDataset } from "../../datasets/split.ts";
import { UserError } from "../../utils/errors.ts";
import type { TrainingConfig } from "./config.ts";

/** The data of a run. */
export interface TrainingData {
  /** What is trained on. */
  readonly dataset: Dataset;
  /** What is evaluated on; `undefined` where nothing is. */
  readonly evalDataset: Dataset | undefined;
}

/**
 * Reads the data of a run; `open` reads one file.
 *
 * @throws {UserError} If the settings contradict each other.
 */
export async function prepareData(
  { dataset: path, evalDataset, evalSplit, earlyStoppingPatience, seed }: TrainingConfig,
  open: (path: string) => Promise<Dataset>,
): Promise<TrainingData> {
  if (evalDataset !== null && evalSplit !== null) {
    throw new UserError(
      "Cannot evaluate on two data sets: give either --eval-dataset or --eval-split",
    );
  }
  if (earlyStoppingPatience !== null && evalDataset === null && evalSplit === null) {
    throw new UserError(
      "Cannot stop early without evaluations: give --eval-split <part>, or --eval-dataset <file>",
    );
  }
  const dataset = await open(path);
  if (evalSplit !== null) {
    const { rest, heldOut } = splitDataset(dataset, { fraction: evalSplit, seed });
    return { dataset: rest, evalDataset: heldOut };
  }
  return { dataset, evalDataset: evalDataset === null ? undefined : await open(evalDataset) };
}
