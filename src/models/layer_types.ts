/**
 * Which layers of a model see all earlier tokens and which only a window of them.
 *
 * @module
 */

import type { ConfigReader } from "./config.ts";
import type { AttentionKind } from "./language_model.ts";
import type { LayerType } from "./read_rope.ts";

const LAYER_TYPES: readonly LayerType[] = ["full_attention", "sliding_attention"];

/** How the layers of a model attend. */
export interface LayerAttention {
  /** The kinds that occur, each once. */
  readonly attentionKinds: readonly AttentionKind[];
  /** For each layer, the index of its kind. */
  readonly kindOfLayer: readonly number[];
}

/** Options of {@linkcode readLayerTypes}. */
export interface ReadLayerTypesOptions {
  /** Number of layers. */
  readonly numLayers: number;
  /** The type of a layer where `layer_types` is not stated. */
  readonly defaultType: (layer: number) => LayerType;
}

/** Reads `layer_types`: one for each layer. */
export function readLayerTypes(
  reader: ConfigReader,
  { numLayers, defaultType }: ReadLayerTypesOptions,
): readonly LayerType[] {
  const types = reader.list("layer_types", LAYER_TYPES) ??
    Array.from({ length: numLayers }, (_, layer) => defaultType(layer));
  if (types.length !== numLayers) {
    reader.fail("layer_types", `must name the type of each of the ${numLayers} layers`);
  }
  return types;
}

/** Returns how layers of `types` attend, where `kinds` says what each type means. */
export function layerAttention(
  types: readonly LayerType[],
  kinds: Readonly<Record<LayerType, AttentionKind>>,
): LayerAttention {
  const present = LAYER_TYPES.filter((type) => types.includes(type));
  return {
    attentionKinds: present.map((type) => kinds[type]),
    kindOfLayer: types.map((type) => present.indexOf(type)),
  };
}

/** Returns layers that all attend alike. */
export function uniformAttention(kind: AttentionKind, numLayers: number): LayerAttention {
  return { attentionKinds: [kind], kindOfLayer: new Array<number>(numLayers).fill(0) };
}

/**
 * Reads the window that Qwen's models may have: without `use_sliding_window` neither it nor the layer it would begin
 * at has an effect.
 */
export function readOptionalWindow(
  reader: ConfigReader,
  { kind, numLayers }: { readonly kind: AttentionKind; readonly numLayers: number },
): LayerAttention {
  const used = reader.boolean("use_sliding_window", false);
  const window = reader.integerOrNull("sliding_window", 4096);
  const firstWindowed = reader.count("max_window_layers", 28);
  const sliding = used && window !== null;
  const types = readLayerTypes(reader, {
    numLayers,
    defaultType: (layer) =>
      sliding && layer >= firstWindowed ? "sliding_attention" : "full_attention",
  });
  if (!sliding && types.includes("sliding_attention")) {
    reader.fail("layer_types", "needs use_sliding_window and a sliding_window");
  }
  return layerAttention(types, {
    full_attention: kind,
    sliding_attention: { ...kind, window },
  });
}
