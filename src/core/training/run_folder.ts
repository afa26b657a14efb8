/**
 * The settings in the folder of a run; what else it holds, {@linkcode RunLog} writes.
 *
 * @module
 */

import { join } from "node:path";
import { RUN_CONFIG_FILE } from "../../monitoring/runs/run_files.ts";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { readJsonFile } from "../../utils/json.ts";
import { parseTrainingConfig, type TrainingConfig } from "./config.ts";

export { RUN_CONFIG_FILE } from "../../monitoring/runs/run_files.ts";
export { RunLog } from "../../monitoring/runs/run_log.ts";
export type { StepMetrics } from "../../monitoring/runs/run_files.ts";

/** Saves the settings of a run. */
export async function saveRunConfig(folder: string, config: TrainingConfig): Promise<void> {
  await writeFileAtomic(join(folder, RUN_CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads the settings of a run; `undefined` if the folder holds none. */
export async function readRunConfig(folder: string): Promise<TrainingConfig | undefined> {
  const path = join(folder, RUN_CONFIG_FILE);
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
  return parseTrainingConfig(await readJsonFile(path), path);
}
