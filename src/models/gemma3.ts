/**
 * Gemma 3, text only (`model_type` "gemma3_text"): most layers see a window of tokens and rotate fast, every sixth
 * sees all and rotates slowly. Norms stand before and after each part of a layer and scale by 1 + weight.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import type { LanguageModel } from "./language_model.ts";
import { layerAttention, readLayerTypes } from "./layer_types.ts";
import { readPreNormSizes } from "./pre_norm_config.ts";
import { createPreNormDecoder } from "./pre_norm_decoder.ts";
import { readRopeByLayerType } from "./read_rope.ts";

/** Makes a Gemma 3 of the size that `config.json` says. */
export function createGemma3(json: Readonly<Record<string, unknown>>): LanguageModel {
  const reader = new ConfigReader(json);
  const sizes = readPreNormSizes(reader, {
    numKeyValueHeads: 4,
    headDim: 256,
    maxPositions: 131_072,
    tied: true,
  });
  const { headDim: rotaryDim, maxPositions, numLayers, hiddenSize } = sizes;
  reader.expect("hidden_activation", ["gelu_pytorch_tanh"]);
  reader.expect("attn_logit_softcapping", [null]);
  reader.expect("final_logit_softcapping", [null]);
  reader.expect("use_bidirectional_attention", [false]);
  const attentionBias = reader.boolean("attention_bias", false);
  const pattern = reader.integer("sliding_window_pattern", 6);
  // What transformers writes beside `layer_types`, and does not read.
  reader.ignore("_sliding_window_pattern");
  const types = readLayerTypes(reader, {
    numLayers,
    defaultType: (layer) => (layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
  });
  const window = reader.integerOrNull("sliding_window", 4096);
  if (window === null && types.includes("sliding_attention")) {
    reader.fail("sliding_window", "must be stated, because layers have sliding attention");
  }
  const rope = readRopeByLayerType(reader, { maxPositions });
  const config = {
    ...sizes,
    ...layerAttention(types, {
      full_attention: { rope: rope.full_attention, rotaryDim, window: null },
      sliding_attention: { rope: rope.sliding_attention, rotaryDim, window },
    }),
    queryKeyValueBias: attentionBias,
    attentionOutputBias: attentionBias,
    queryKeyNorm: true,
    postNorms: true,
    normsAroundOne: true,
    activation: "gelu_tanh",
    embeddingScale: Math.sqrt(hiddenSize),
    attentionScale: reader.number("query_pre_attn_scalar", 256) ** -0.5,
  } as const;
  reader.finish();
  return createPreNormDecoder(config, { modelType: "gemma3_text", json });
}
