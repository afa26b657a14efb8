/**
 * The graph that extends sequences: logits of chosen positions, and the keys and values of the tokens read.
 *
 * @module
 */

import { concat, constant, gather, gemm, input, reshape } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import {
  type AttentionContext,
  forward,
  type LanguageModel,
  type LayerCache,
} from "../../models/language_model.ts";

/** Where keys and values live between runs. */
export type CachePlace = "host" | "device";

/** The name of the output that holds all fresh keys and values, [batch, 2 · numLayers · kvHeads, seqLen, headDim]. */
export const FRESH = "fresh";

/** Returns the names of a layer's keys and values, as inputs (`past`) and outputs (`present`). */
export function cacheNames(
  layer: number,
  time: "past" | "present",
): { readonly key: string; readonly value: string } {
  return { key: `${time}.${layer}.key`, value: `${time}.${layer}.value` };
}

/** Returns the names of the inputs that the layers of one kind of attention read. */
export function kindNames(
  kind: number,
): { readonly cos: string; readonly sin: string; readonly mask: string } {
  return { cos: `cos.${kind}`, sin: `sin.${kind}`, mask: `mask.${kind}` };
}

/** Options of {@linkcode decoderGraph}. */
export interface DecoderGraphOptions {
  /** Where keys and values live between runs. */
  readonly place: CachePlace;
  /** Elements of each weight. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

/**
 * Describes one extension.
 *
 * Inputs: `ids` int64 [batch, seqLen, 1]; where positions are learned, `positions` int64 [batch, seqLen, 1]; where they
 * are rotated, `angle_rows` int64 [batch, seqLen], rows of tables of angles; by kind of attention, those tables and a
 * mask [batch, 1, seqLen, past+seqLen]; `rows` int64 [rows, 1], the rows of [batch · seqLen] whose logits are wanted; keys
 * and values of earlier tokens by layer. Outputs: `logits` [rows, vocabSize], and either {@linkcode FRESH} for a cache in host
 * memory, or all keys and values by layer for one that stays on the device.
 */
export function decoderGraph(
  model: LanguageModel,
  { place, weights }: DecoderGraphOptions,
): Record<string, Value> {
  const values = new Map(
    model.weights.map(({ name }) => [name, constant(weights.get(name)!)]),
  );
  const weight = (name: string): Value => values.get(name)!;
  const cacheShape = ["batch", model.numKeyValueHeads, "past", model.headDim];
  const past = Array.from({ length: model.numLayers }, (_, layer): LayerCache => {
    const names = cacheNames(layer, "past");
    return {
      key: input(names.key, "float32", cacheShape),
      value: input(names.value, "float32", cacheShape),
    };
  });
  const angleRows = input("angle_rows", "int64", ["batch", "seqLen"]);
  const { hidden, fresh, present } = forward(model, {
    weight,
    ids: input("ids", "int64", ["batch", "seqLen", 1]),
    positions: input("positions", "int64", ["batch", "seqLen", 1]),
    contexts: model.attentionKinds.map(({ rope, rotaryDim }, kind): AttentionContext => {
      const names = kindNames(kind);
      return {
        angles: rope === null ? undefined : {
          positions: angleRows,
          cos: input(names.cos, "float32", ["angles", rotaryDim / 2]),
          sin: input(names.sin, "float32", ["angles", rotaryDim / 2]),
        },
        mask: input(names.mask, "float32", ["batch", 1, "seqLen", "past+seqLen"]),
      };
    }),
    past,
  });
  const flat = reshape(hidden, ["batch*seqLen", model.hiddenSize]);
  const chosen = gather(flat, input("rows", "int64", ["rows", 1]));
  const logits = gemm(chosen, weight(model.outputWeight), { transB: true });
  if (place === "host") {
    // One tensor, because fetching many small ones costs more than joining them.
    return { logits, [FRESH]: concat(fresh.flatMap(({ key, value }) => [key, value]), 1) };
  }
  const outputs: Record<string, Value> = { logits };
  for (const [layer, { key, value }] of present.entries()) {
    const names = cacheNames(layer, "present");
    outputs[names.key] = key;
    outputs[names.value] = value;
  }
  return outputs;
}
