/**
 * The frequency scaling of rotary position embeddings, as GGUF files have it.
 *
 * @module
 */

import type { GgufFile } from "../../engine/tensor/gguf/gguf_file.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { GgufArchitectureName } from "./architectures.ts";
import type { GgufKeys } from "./keys.ts";
import { findLlama3Scaling, type RopeBase } from "./rope_factors.ts";

/** Factors of frequencies, as tensors. */
export const ROPE_FREQS = "rope_freqs.weight";
/** Factors for long contexts. */
export const ROPE_FACTORS_LONG = "rope_factors_long.weight";
/** Factors for short ones. */
export const ROPE_FACTORS_SHORT = "rope_factors_short.weight";

/** Tensors that say something of the configuration and are no weights. */
export const ROPE_TENSORS: readonly string[] = [ROPE_FREQS, ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT];

/** What the scaling is read from, besides the file. */
export interface RopeScalingOptions {
  /** The file's metadata. */
  readonly keys: GgufKeys;
  /** The file's architecture. */
  readonly architecture: GgufArchitectureName;
  /** The frequencies without scaling. */
  readonly base: RopeBase;
}

/** Returns the key `rope_scaling` of `config.json`, if the file scales frequencies. */
export async function ropeScaling(
  file: GgufFile,
  { keys, architecture, base }: RopeScalingOptions,
): Promise<JsonObject> {
  const key = (name: string): string => `${architecture}.rope.scaling.${name}`;
  if (file.tensors.has(ROPE_FACTORS_LONG)) return await longRope(file, { keys, key });
  if (file.tensors.has(ROPE_FREQS)) return await llama3(file, base);
  const factor = keys.number(key("factor"), undefined);
  const type = keys.text(key("type"), factor === undefined ? "none" : "linear");
  switch (type) {
    case "none":
      return {};
    case "linear":
      return factor === undefined || factor === 1 ? {} : {
        rope_scaling: { rope_type: "linear", factor },
      };
    case "yarn":
      return {
        rope_scaling: {
          rope_type: "yarn",
          factor,
          original_max_position_embeddings: keys.integer(key("original_context_length"), undefined),
          attention_factor: keys.number(key("yarn_attn_factor"), undefined),
          beta_fast: keys.number(key("yarn_beta_fast"), undefined),
          beta_slow: keys.number(key("yarn_beta_slow"), undefined),
        },
      };
  }
  return keys.fail(key("type"), `is "${type}"; supported are none, linear, yarn`);
}

async function llama3(file: GgufFile, base: RopeBase): Promise<JsonObject> {
  const { data } = await file.read(ROPE_FREQS);
  const [factor = 1] = data;
  if (data.every((each) => each === factor)) {
    return factor === 1 ? {} : { rope_scaling: { rope_type: "linear", factor } };
  }
  const scaling = findLlama3Scaling(data, base);
  if (scaling === undefined) {
    throw new UserError(
      `Cannot use "${file.path}": the factors in ${ROPE_FREQS} are not those of Llama 3`,
    );
  }
  return { rope_scaling: { rope_type: "llama3", ...scaling } };
}

async function longRope(
  file: GgufFile,
  { keys, key }: { readonly keys: GgufKeys; readonly key: (name: string) => string },
): Promise<JsonObject> {
  const factors = async (name: string): Promise<number[]> =>
    Array.from((await file.read(name)).data, (each) => Number(each.toPrecision(8)));
  return {
    rope_scaling: {
      rope_type: "longrope",
      long_factor: await factors(ROPE_FACTORS_LONG),
      short_factor: await factors(ROPE_FACTORS_SHORT),
      attention_factor: keys.number(key("attn_factor"), undefined),
    },
  };
}
