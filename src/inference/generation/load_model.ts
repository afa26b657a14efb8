/**
 * From a model's folder to a model that generates.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import { chooseDevice, type DeviceWish } from "../../engine/runtime/devices.ts";
import { countParameters } from "../../models/language_model.ts";
import { openStoredModel, type OpenStoredModelOptions } from "../../models/stored/stored_model.ts";
import { returnMemory } from "../../utils/return_memory.ts";
import { loadAdapters, type NamedAdapter } from "./load_adapters.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { openModelDecoder } from "./model_decoder.ts";
import { chooseWeights, type WeightWish } from "./weight_types.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions extends OpenStoredModelOptions {
  /** Where to run. @default {"auto"} */
  readonly device?: DeviceWish;
  /** CPU threads. @default {one per processor, at most 8} */
  readonly threads?: number;
  /** The form in which weights are held. @default {"f32"} */
  readonly weights?: WeightWish;
  /** Adapters of which each request may use one. @default {[]} */
  readonly adapters?: readonly NamedAdapter[];
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
  const { device: wish = "auto", threads, weights = "f32", adapters = [] } = options;
  using opened = await openStoredModel(folder, options);
  const { model, tokenizer } = opened;
  const { device, reason } = await chooseDevice(wish);
  const weightType = chooseWeights(weights, { device, parameters: countParameters(model) });
  const decoder = await openModelDecoder(model, {
    device,
    ...(threads === undefined ? {} : { threads }),
    weights: opened.weights(),
    weightType,
    adapters: await loadAdapters(model, adapters),
  });
  const generationConfig = opened.generationConfig ?? {};
  returnMemory(); // of reading the weights
  return {
    id: basename(resolve(folder)),
    folder,
    device,
    deviceReason: reason,
    weightType,
    decoder,
    tokenizer,
    eosTokenIds: tokenizer?.eosTokenIds ??
      [generationConfig["eos_token_id"] ?? model.config["eos_token_id"] ?? []].flat().map(Number),
    generationConfig,
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}
