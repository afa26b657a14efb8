/**
 * Whether a data set can be trained on: what the trainer asks too, and keeps by content in `data/verdicts/`.
 *
 * @module
 */

import type { FormatChoice } from "../../datasets/formats.ts";
import { readVerdict, VALIDATOR_VERSION } from "../../datasets/validation/verdict.ts";
import type { Clock } from "../../utils/clock.ts";
import { UserError } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { HomePaths } from "../../utils/paths.ts";
import { checkData } from "../training/check_data.ts";
import { type DatasetId, datasetPath } from "./dataset_store.ts";

/** Who looks data sets over; another version looks again. */
export const VALIDATOR = { name: "data validate", version: VALIDATOR_VERSION } as const;

/** What was found out about a data set before it is trained on. */
export interface DatasetVerdict {
  /** Why it cannot be trained on; null if it can. */
  readonly problem: string | null;
  /** All rows, as far as they could be counted. */
  readonly rows: number;
}

/** Options of {@linkcode verdictOn}. */
export interface VerdictOptions {
  /** Where things lie. */
  readonly paths: HomePaths;
  /** Settings of the run: they say how rows are read, and whether those that cannot be used are left out. */
  readonly settings: JsonObject;
  /** Reads the time. @default {Date.now} */
  readonly clock?: Clock;
}

/** Looks a data set over, unless that was done before. */
export async function verdictOn(
  dataset: DatasetId,
  { paths, settings, clock = Date.now }: VerdictOptions,
): Promise<DatasetVerdict> {
  const path = datasetPath(paths.data, dataset);
  const format = typeof settings["format"] === "string"
    ? settings["format"] as FormatChoice
    : undefined;
  let problem: string | null = null;
  try {
    await checkData(path, {
      format,
      skipInvalidRows: settings["skipInvalidRows"] === true,
      verdicts: { folder: paths.verdicts },
      now: new Date(clock()),
    });
  } catch (error) {
    if (!(error instanceof UserError) || isDiskFull(error)) throw error;
    problem = error.message.replaceAll(path, dataset.name);
  }
  const known = await readVerdict(paths.verdicts, dataset.sha256, { format: format ?? null });
  return { problem, rows: known?.rows ?? 0 };
}
