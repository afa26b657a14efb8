/**
 * A model in this process, for the terminal's own use.
 *
 * @module
 */

import { loadModel } from "../inference/generation/load_model.ts";
import { createLocalService } from "../inference/local_service.ts";
import type { InferenceService } from "../inference/service.ts";
import { findModelAndAdapter, type ModelOptions, pathContext } from "./model_options.ts";

/** Loads the model that the options name. */
export async function openLocalModel(options: ModelOptions): Promise<InferenceService> {
  const { device, threads, weights } = options;
  const { folder, id, adapter } = await findModelAndAdapter(options, { context: pathContext() });
  const loaded = await loadModel(folder, {
    device,
    adapter,
    weights,
    ...(threads === undefined ? {} : { threads }),
  });
  return createLocalService({ ...loaded, id });
}
