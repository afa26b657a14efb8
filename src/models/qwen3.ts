/**
 * Qwen3 (`model_type` "qwen3"): queries and keys are normalised by head, and heads may be wider than
 * `hidden_size / num_attention_heads`.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { createPreNormDecoder, readPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Qwen3 of the size that `config.json` says. */
export function createQwen3(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const config = {
    ...readPreNormDecoder(reader, { headDim: 128, maxPositions: 32_768 }),
    attentionBias: reader.boolean("attention_bias", false),
    mlpBias: false,
    queryKeyNorm: true,
  };
  reader.expect("use_sliding_window", [false]);
  reader.expectAll("layer_types", "full_attention");
  // Without `use_sliding_window` neither the window nor the layer it would begin at has an effect.
  reader.ignore("sliding_window", "max_window_layers");
  reader.finish();
  return createPreNormDecoder(config, { modelType: "qwen3", json });
}
