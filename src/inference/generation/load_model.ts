/**
 * Loads a model's folder for generation.
 *
 * @module
 */

import { basename } from "node:path";
import { chooseDevice, type DeviceWish } from "../../engine/runtime/devices.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { createModel } from "../../models/architectures.ts";
import { openModelFolder } from "../../models/hub/folder.ts";
import { loadTokenizer } from "../../models/tokenizer/load_tokenizer.ts";
import { readWeights } from "../../models/weights.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { openModelDecoder } from "./model_decoder.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions {
  /** Where to run it. */
  readonly device: DeviceWish;
  /** CPU threads. @default {as the device has it} */
  readonly threads?: number;
}

/**
 * Loads the model in `folder`, compiled for a device.
 *
 * @throws {UserError} If the folder cannot be used or the device is not to be had.
 */
export async function loadModel(folder: string, options: LoadModelOptions): Promise<LoadedModel> {
  const { threads } = options;
  const { device, reason } = await chooseDevice(options.device);
  using opened = await openModelFolder(folder);
  const { config, generationConfig = {} } = opened;
  const model = createModel(config);
  const tokenizer = await loadTokenizer(folder);
  const weights = new Map<string, Tensor>();
  for await (const { name, tensor } of readWeights(model, opened)) weights.set(name, tensor);
  const decoder = await openModelDecoder(model, {
    device,
    weights,
    ...(threads === undefined ? {} : { threads }),
  });
  const eosTokenIds = new Set([
    ...tokenIds(generationConfig.eos_token_id ?? config.eos_token_id),
    ...tokenizer?.eosTokenIds ?? [],
  ]);
  return {
    id: basename(folder),
    folder,
    device,
    deviceReason: reason,
    decoder,
    tokenizer,
    eosTokenIds: [...eosTokenIds],
    generationConfig,
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}

/** `eos_token_id` is a number or a list of them. */
function tokenIds(value: unknown): readonly number[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((id) => typeof id === "number");
}
