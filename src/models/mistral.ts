/**
 * Mistral (`model_type` "mistral"): a Llama whose layers all see a window of tokens only, unless `sliding_window` is
 * null.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { uniformAttention } from "./layer_types.ts";
import { readAttentionKind, readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";

/** Makes a Mistral of the size that `config.json` says. */
export function createMistral(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, { numKeyValueHeads: 8, maxPositions: 131_072 });
  const { headDim: rotaryDim, maxPositions, numLayers } = sizes;
  reader.expect("hidden_act", ["silu", "swish"]);
  const window = reader.integerOrNull("sliding_window", 4096);
  reader.expectAll("layer_types", window === null ? "full_attention" : "sliding_attention");
  const kind = readAttentionKind(reader, { rotaryDim, maxPositions, window });
  const config = { ...sizes, ...uniformAttention(kind, numLayers) };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "mistral", json });
}
