/**
 * The sampling settings that a model's authors recommend.
 *
 * @module
 */

import { NEUTRAL_SAMPLING, type SamplingSettings } from "./generation/sampling.ts";

const KEYS: Readonly<Partial<Record<string, keyof SamplingSettings>>> = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  typical_p: "typicalP",
  repetition_penalty: "repetitionPenalty",
};

/** Returns the settings of a `generation_config.json`; what it leaves open is neutral. */
export function defaultSampling(
  generationConfig: Readonly<Record<string, unknown>>,
): SamplingSettings {
  const settings: Record<keyof SamplingSettings, number> = { ...NEUTRAL_SAMPLING };
  for (const [key, value] of Object.entries(generationConfig)) {
    const name = KEYS[key];
    if (name !== undefined && typeof value === "number") settings[name] = value;
  }
  return settings;
}
