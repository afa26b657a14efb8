/**
 * Qwen2 and Qwen2.5 (`model_type` "qwen2"): a Llama whose queries, keys and values have biases. Later layers may see
 * a window of tokens only.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { readOptionalWindow } from "./layer_types.ts";
import { readAttentionKind, readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Qwen2 of the size that `config.json` says. */
export function createQwen2(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, { numKeyValueHeads: 32, maxPositions: 32_768 });
  const { headDim: rotaryDim, maxPositions, numLayers } = sizes;
  reader.expect("hidden_act", ["silu", "swish"]);
  reader.expect("use_mrope", [false]);
  const kind = readAttentionKind(reader, { rotaryDim, maxPositions });
  const config = {
    ...sizes,
    ...readOptionalWindow(reader, { kind, numLayers }),
    queryKeyValueBias: true,
  };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "qwen2", json });
}
