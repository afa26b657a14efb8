/**
 * Phi-3 and Phi-4-mini (`model_type` "phi3"): a Llama that stores projections of one input as one matrix, and may
 * rotate only the first part of each head.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { uniformAttention } from "./layer_types.ts";
import { readAttentionKind, readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";
import { readRotaryDim } from "./read_rope.ts";

/** Makes a Phi-3 of the size that `config.json` says. */
export function createPhi3(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, { maxPositions: 4096, epsilon: 1e-5 });
  reader.expect("hidden_act", ["silu", "swish"]);
  const kind = readAttentionKind(reader, {
    rotaryDim: readRotaryDim(reader, sizes.headDim),
    maxPositions: sizes.maxPositions,
    // What stands beside the scaling wins over what stands in it.
    originalMaxPositions: reader.integer("original_max_position_embeddings", 4096),
    partial: true,
    window: reader.integerOrNull("sliding_window", null),
  });
  // Files on the hub state these; transformers knows no other values.
  for (const key of ["attention_bias", "mlp_bias", "lm_head_bias"]) reader.expect(key, [false]);
  for (const key of ["full_attn_mod", "interpolate_factor"]) reader.expect(key, [1]);
  const config = {
    ...sizes,
    ...uniformAttention(kind, sizes.numLayers),
    fusedProjections: true,
  };
  reader.finish();
  return createPreNormDecoder(config, { modelType: "phi3", json });
}
