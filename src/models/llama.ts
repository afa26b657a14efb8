/**
 * Llama (`model_type` "llama"), and what is spelled like it: SmolLM2, TinyLlama, stories15M.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { createPreNormDecoder, readPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Llama of the size that `config.json` says. */
export function createLlama(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const config = {
    ...readPreNormDecoder(reader, { maxPositions: 2048 }),
    attentionBias: reader.boolean("attention_bias", false),
    mlpBias: reader.boolean("mlp_bias", false),
    queryKeyNorm: false,
  };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "llama", json });
}
