/**
 * What to do when memory runs out in the middle of a run all the same.
 *
 * @module
 */

import { OutOfMemoryError } from "../../engine/runtime/session_error.ts";
import { UserError } from "../../utils/errors.ts";
import type { TrainingConfig } from "./config.ts";

/** Options of {@linkcode withMemoryAdvice}. */
export interface MemoryAdviceOptions {
  /** Settings of the run. */
  readonly config: TrainingConfig;
  /** The newest checkpoint; `undefined` if none was saved. */
  readonly checkpoint: string | undefined;
}

/** Returns `error`; one that says that memory ran out comes back with the flags that take less of it. */
export function withMemoryAdvice(
  error: unknown,
  { config, checkpoint }: MemoryAdviceOptions,
): unknown {
  if (!(error instanceof OutOfMemoryError)) return error;
  const rows = Math.max(1, Math.floor(config.batchSize / 2));
  const accumulation = config.gradientAccumulationSteps * Math.ceil(config.batchSize / rows);
  const flags = [
    config.batchSize > 1
      ? `--batch-size ${rows} --gradient-accumulation-steps ${accumulation}`
      : undefined,
    "a lower --max-length",
    ...(config.loraRank === null && config.adapter === null
      ? ["--lora-rank 16"]
      : config.baseDtype === "f32"
      ? ["--base-dtype f16"]
      : []),
  ].filter((flag) => flag !== undefined);
  const kept = checkpoint === undefined ? "" : `; "${checkpoint}" was kept: go on with --resume`;
  return new UserError(`${error.message}: ${flags.join(", ")}${kept}`, { cause: error });
}
