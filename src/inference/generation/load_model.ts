/**
 * From a model's folder to a model that generates.
 *
 * @module
 */

import { basename, resolve } from "node:path";
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
  /** Where to run. @default {"auto"} */
  readonly device?: DeviceWish;
  /** CPU threads. @default {one per processor, at most 8} */
  readonly threads?: number;
}

/**
 * Loads the model in `folder`.
 *
 * @throws {UserError} If the folder or the device cannot be used.
 */
export async function loadModel(
  folder: string,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  const { device: wish = "auto", threads } = options;
  using opened = await openModelFolder(folder);
  const model = createModel(opened.config);
  const tokenizer = await loadTokenizer(folder);
  const { device, reason } = await chooseDevice(wish);
  const weights = new Map<string, Tensor>();
  for await (const { name, tensor } of readWeights(model, opened)) weights.set(name, tensor);
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
      [generationConfig["eos_token_id"] ?? opened.config["eos_token_id"] ?? []].flat().map(Number),
    generationConfig,
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}
