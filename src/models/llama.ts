/**
 * Llama (`model_type` "llama"), and what is spelled like it: SmolLM2, TinyLlama, stories15M.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { uniformAttention } from "./layer_types.ts";
import { readAttentionKind, readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Llama of the size that `config.json` says. */
export function createLlama(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, { maxPositions: 2048 });
  const { headDim: rotaryDim, maxPositions, numLayers } = sizes;
  reader.expect("hidden_act", ["silu", "swish"]);
  const attentionBias = reader.boolean("attention_bias", false);
  const config = {
    ...sizes,
    ...uniformAttention(readAttentionKind(reader, { rotaryDim, maxPositions }), numLayers),
    queryKeyValueBias: attentionBias,
    attentionOutputBias: attentionBias,
    mlpBias: reader.boolean("mlp_bias", false),
  };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "llama", json });
}
