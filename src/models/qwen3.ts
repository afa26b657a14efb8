/**
 * Qwen3 (`model_type` "qwen3"): queries and keys are normalised by head, and heads may be wider than
 * `hidden_size / num_attention_heads`.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { readOptionalWindow } from "./layer_types.ts";
import { readAttentionKind, readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Qwen3 of the size that `config.json` says. */
export function createQwen3(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, {
    numKeyValueHeads: 32,
    headDim: 128,
    maxPositions: 32_768,
  });
  const { headDim: rotaryDim, maxPositions, numLayers } = sizes;
  reader.expect("hidden_act", ["silu", "swish"]);
  const attentionBias = reader.boolean("attention_bias", false);
  const kind = readAttentionKind(reader, { rotaryDim, maxPositions });
  const config = {
    ...sizes,
    ...readOptionalWindow(reader, { kind, numLayers }),
    queryKeyValueBias: attentionBias,
    attentionOutputBias: attentionBias,
    queryKeyNorm: true,
  };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "qwen3", json });
}
