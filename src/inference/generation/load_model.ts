/**
 * From a model's folder to a model that generates.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import { chooseDevice, type DeviceWish } from "../../engine/runtime/devices.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { openStoredModel, type OpenStoredModelOptions } from "../../models/stored/stored_model.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { openModelDecoder } from "./model_decoder.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions extends OpenStoredModelOptions {
  /** Where to run. @default {"auto"} */
  readonly device?: DeviceWish;
  /** CPU threads. @default {one per processor, at most 8} */
  readonly threads?: number;
}

/**
 * Loads the model in `folder`, or that of an adapter's folder.
 *
 * @throws {UserError} If the folder or the device cannot be used.
 */
export async function loadModel(
  folder: string,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  const { device: wish = "auto", threads } = options;
  using opened = await openStoredModel(folder, options);
  const { model, tokenizer } = opened;
  const { device, reason } = await chooseDevice(wish);
  const weights = new Map<string, Tensor>();
  for await (const { name, tensor } of opened.weights()) weights.set(name, tensor);
  const decoder = await openModelDecoder(model, {
    device,
    ...(threads === undefined ? {} : { threads }),
    weights,
  });
  const generationConfig = opened.generationConfig ?? {};
  return {
    id: basename(resolve(folder)),
    folder,
    device,
    deviceReason: reason,
    decoder,
    tokenizer,
    eosTokenIds: tokenizer?.eosTokenIds ??
      [generationConfig["eos_token_id"] ?? model.config["eos_token_id"] ?? []].flat().map(Number),
    generationConfig,
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}
