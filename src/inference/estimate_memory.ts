/**
 * How much memory a model will take while it generates, before it is loaded.
 *
 * @module
 */

import { join } from "node:path";
import { chooseDevice, type DeviceChoice, type DeviceWish } from "../engine/runtime/devices.ts";
import { countParameters } from "../models/language_model.ts";
import { openStoredModel } from "../models/stored/stored_model.ts";
import { bytesPerToken } from "./generation/slot_store.ts";
import { encoderPath, findEncoderFile, isEncoderFolder } from "./embeddings/encoder_files.ts";
import { chooseWeights, type WeightType } from "./generation/weight_types.ts";
import type { LoadRequest } from "./worker_protocol.ts";

/** Bytes of a parameter. Embeddings of integers are there twice where they are the output matrix too. */
const PARAMETER_BYTES: Readonly<Record<WeightType, number>> = {
  f32: 4.2,
  f16: 4.2,
  int8: 1.4,
  int4: 1,
};

/** What a model takes whatever its size: the library and its session. */
const BASE_BYTES = 150e6;

/** What an encoder takes for a byte of its file: the file as it is read, and its weights. */
const ENCODER_BYTES = 2;

/** Options of {@linkcode estimateMemory}. */
export interface EstimateMemoryOptions {
  /** Chooses where it runs. @default {chooseDevice} */
  readonly choose?: (wish: DeviceWish) => Promise<DeviceChoice>;
}

/** Returns about how many bytes a model takes, with the keys and values that it may hold. */
export async function estimateMemory(
  load: LoadRequest,
  { choose = chooseDevice }: EstimateMemoryOptions = {},
): Promise<number> {
  const { folder, adapter, weights = "f32", limits } = load;
  if (load.embeds && await isEncoderFolder(folder)) return BASE_BYTES + await encoderBytes(folder);
  using stored = await openStoredModel(folder, { adapter });
  const { device } = await choose(load.device);
  const parameters = countParameters(stored.model);
  const type = chooseWeights(weights, { device, parameters });
  const { cacheBytes = 2 ** 31, prefixBytes = 2 ** 29, maxRunning = 16, maxContext } = limits;
  const context = Math.min(stored.model.maxPositions, maxContext ?? Infinity);
  // slots are doubled when there are too few
  const slots = 2 ** Math.ceil(Math.log2(maxRunning));
  const mostCache = slots * context * bytesPerToken(stored.model);
  return parameters * PARAMETER_BYTES[type] + BASE_BYTES + Math.min(cacheBytes, mostCache) +
    prefixBytes;
}

async function encoderBytes(folder: string): Promise<number> {
  const file = findEncoderFile(folder);
  if (file === undefined) return 0;
  const { size } = await Deno.stat(join(folder, encoderPath(file)));
  return ENCODER_BYTES * size;
}
