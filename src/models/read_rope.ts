/**
 * Reading what `config.json` says about rotary position embeddings, in both of its spellings.
 *
 * @module
 */

import { ConfigReader } from "./config.ts";
import { ROPE_TYPES, type RopeConfig } from "./rope.ts";

/** What the rest of a `config.json` means for its rotary position embeddings. */
export interface ReadRopeOptions {
  /** `rope_theta` where it is not stated. @default {10_000} */
  readonly defaultTheta?: number;
  /** The longest sequence of the model. */
  readonly maxPositions: number;
  /** The longest sequence before it was stretched. @default {what the scaling states, else `maxPositions`} */
  readonly originalMaxPositions?: number;
  /** Whether a part of each head may stay as it is; how much {@linkcode readRotaryDim} reads. @default {false} */
  readonly partial?: boolean;
}

/** Reads `rope_parameters`, or `rope_theta` and `rope_scaling` as they were spelled before. */
export function readRope(config: ConfigReader, options: ReadRopeOptions): RopeConfig {
  const { defaultTheta = 10_000 } = options;
  const parameters = config.object("rope_parameters");
  const scaling = config.object("rope_scaling");
  const theta = config.number("rope_theta", defaultTheta);
  const key = parameters ? "rope_parameters" : "rope_scaling";
  return readParameters(parameters ?? scaling ?? {}, { ...options, key, defaultTheta: theta });
}

/** Kinds of layers as `config.json` names them. */
export type LayerType = "full_attention" | "sliding_attention";

/**
 * Reads the rotary position embeddings of each kind of layer, as Gemma 3 has them: `rope_parameters` by kind, or
 * `rope_theta` and `rope_scaling` for full attention and `rope_local_base_freq` for the rest.
 */
export function readRopeByLayerType(
  config: ConfigReader,
  options: { readonly maxPositions: number },
): Readonly<Record<LayerType, RopeConfig>> {
  const parameters = config.object("rope_parameters");
  const scaling = config.object("rope_scaling");
  const globalTheta = config.number("rope_theta", 1_000_000);
  const localTheta = config.number("rope_local_base_freq", 10_000);
  const nested = parameters &&
    new ConfigReader(parameters, "rope_parameters in config.json");
  const full = nested?.object("full_attention");
  const sliding = nested?.object("sliding_attention");
  nested?.finish();
  return {
    full_attention: readParameters(full ?? scaling ?? {}, {
      ...options,
      key: full ? "rope_parameters.full_attention" : "rope_scaling",
      defaultTheta: globalTheta,
    }),
    sliding_attention: readParameters(sliding ?? {}, {
      ...options,
      key: "rope_parameters.sliding_attention",
      defaultTheta: localTheta,
    }),
  };
}

/**
 * Reads how much of each head is rotated: `partial_rotary_factor`, inside `rope_parameters` or beside them.
 * Returns the number of elements.
 */
export function readRotaryDim(config: ConfigReader, headDim: number): number {
  const inside = config.object("rope_parameters")?.["partial_rotary_factor"];
  const factor = typeof inside === "number" ? inside : config.number("partial_rotary_factor", 1);
  config.ignore("partial_rotary_factor");
  const rotaryDim = Math.trunc(headDim * factor);
  if (!(rotaryDim >= 2 && rotaryDim <= headDim && rotaryDim % 2 === 0)) {
    config.fail("partial_rotary_factor", `must make an even part of the ${headDim} of a head`);
  }
  return rotaryDim;
}

type ParameterOptions = ReadRopeOptions & {
  readonly key: string;
  readonly defaultTheta: number;
};

function readParameters(
  json: Readonly<Record<string, unknown>>,
  options: ParameterOptions,
): RopeConfig {
  const reader = new ConfigReader(json, `${options.key} in config.json`);
  const rope = readScaling(reader, {
    ...options,
    type: json["rope_type"] ?? json["type"] ?? "default",
    theta: reader.number("rope_theta", options.defaultTheta),
  });
  if (options.partial) reader.ignore("partial_rotary_factor");
  else reader.expect("partial_rotary_factor", [1]);
  reader.ignore("rope_type", "type", "original_max_position_embeddings");
  reader.finish();
  return rope;
}

function readScaling(
  reader: ConfigReader,
  { type, theta, maxPositions, originalMaxPositions: given }: ReadRopeOptions & {
    readonly type: unknown;
    readonly theta: number;
  },
): RopeConfig {
  const readOriginal = () =>
    given ?? reader.integer("original_max_position_embeddings", maxPositions);
  switch (type) {
    case "default":
      return { type, theta };
    case "linear":
      return { type, theta, factor: reader.number("factor") };
    case "llama3":
      return {
        type,
        theta,
        factor: reader.number("factor"),
        lowFreqFactor: reader.number("low_freq_factor"),
        highFreqFactor: reader.number("high_freq_factor"),
        originalMaxPositions: readOriginal(),
      };
    case "yarn": {
      const originalMaxPositions = readOriginal();
      const factor = reader.number("factor", maxPositions / originalMaxPositions);
      return {
        type,
        theta,
        factor,
        betaFast: reader.number("beta_fast", 32),
        betaSlow: reader.number("beta_slow", 1),
        truncate: reader.boolean("truncate", true),
        originalMaxPositions,
        attentionFactor: reader.number("attention_factor", yarnAttentionFactor(reader, factor)),
      };
    }
    case "su":
    case "longrope": {
      const originalMaxPositions = readOriginal();
      const factor = reader.number("factor", maxPositions / originalMaxPositions);
      const stretch = factor <= 1 ? 0 : Math.log(factor) / Math.log(originalMaxPositions);
      // Beyond `originalMaxPositions` all angles of a sequence would change, those in caches too.
      reader.ignore("long_factor");
      return {
        type: "longrope",
        theta,
        shortFactor: reader.numbers("short_factor"),
        originalMaxPositions,
        attentionFactor: reader.number("attention_factor", Math.sqrt(1 + stretch)),
      };
    }
  }
  return reader.fail("rope_type", `is supported only as ${ROPE_TYPES.join(", ")}`);
}

function yarnAttentionFactor(reader: ConfigReader, factor: number): number {
  const scale = (mscale: number) => factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  const both = reader.has("mscale") && reader.has("mscale_all_dim");
  const [mscale, mscaleAllDim] = [reader.number("mscale", 1), reader.number("mscale_all_dim", 1)];
  return both ? scale(mscale) / scale(mscaleAllDim) : scale(1);
}
