/**
 * The metrics of a run, as they were logged.
 *
 * @module
 */

import { join } from "node:path";
import type { JsonObject } from "../../utils/json.ts";
import { readJsonLines } from "./json_lines.ts";
import { type LoggedMetrics, METRICS_FILE } from "./run_files.ts";

/** Whether `row` is of a step. */
export function isLoggedMetrics(row: JsonObject): row is JsonObject & LoggedMetrics {
  return Number.isSafeInteger(row.step);
}

/** Reads all metrics of the run in `folder`, in order. */
export function readMetrics(folder: string): LoggedMetrics[] {
  return readJsonLines(join(folder, METRICS_FILE)).filter(isLoggedMetrics);
}
