/**
 * The graph that extends sequences: logits of chosen positions, and the keys and values of the tokens read.
 *
 * @module
 */

import { concat, gather, input, reshape } from "../../engine/graph/build.ts";
import { cachedAttention } from "../../engine/graph/inference.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { type Attend, plainAttend } from "../../models/attention.ts";
import {
  type AttentionContext,
  forward,
  type LanguageModel,
  type LayerCache,
} from "../../models/language_model.ts";
import { adaptedProject, type LoadedAdapter } from "./adapter_bank.ts";
import { attendApart } from "./attend_apart.ts";
import type { DecoderWeights } from "./decoder_weights.ts";

/**
 * Where keys and values live between runs: in host memory that runs extend in place, in host memory to which those of
 * new tokens are appended, or on a device.
 */
export type CachePlace = "in-place" | "host" | "device";

/** Names of inputs and outputs. */
export const IDS = "ids";
export const POSITIONS = "positions";
export const ANGLE_ROWS = "angle_rows";
export const LAST = "last";
export const TOTAL = "total";
export const PAST_LENGTH = "past_length";
export const ROWS = "rows";
export const LOGITS = "logits";
export const HIDDEN_ROWS = "hidden_rows";
export const HIDDEN = "hidden";

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

/** Returns where the cache of `model` lives on `device`. */
export function cachePlace(
  { headDim, attentionKinds }: LanguageModel,
  device: Device,
): CachePlace {
  if (device === "webgpu") return "device";
  // WebAssembly copies what a run reads and makes, and the kernel for caches in place wants even widths.
  const rotates = attentionKinds.some(({ rope }) => rope !== null);
  const fits = attentionKinds.every(({ rope, rotaryDim }) => rope === null || rotaryDim % 16 === 0);
  return device === "native" && headDim % (rotates ? 16 : 8) === 0 && fits ? "in-place" : "host";
}

/** Options of {@linkcode decoderGraph}. */
export interface DecoderGraphOptions {
  /** Where keys and values live between runs. */
  readonly place: CachePlace;
  /** The model's weights. */
  readonly weights: DecoderWeights;
  /** Adapters of which each row may use one. @default {[]} */
  readonly adapters?: readonly LoadedAdapter[];
}

/**
 * Describes one extension.
 *
 * Inputs: `ids` int64 [batch, seqLen, 1]; where positions are learned, `positions` int64 [batch, seqLen, 1]; `rows` int64
 * [rows, 1], the rows of [batch · seqLen] whose logits are wanted, and `hidden_rows` int64 [hiddenRows, 1], those whose
 * hidden states are; keys and values of earlier tokens by layer. Outputs: `logits` [rows, vocabSize], `hidden`
 * [hiddenRows, hiddenSize], and keys and values.
 *
 * In place, the rest are `last` int32 [batch], the position of each row's last token, `total` int32 [1], one more than
 * the largest of them, and the angles of all positions by kind of attention; keys and values are outputs by layer,
 * to be bound to the inputs' memory. Elsewhere they are `angle_rows` int64 [batch, seqLen], rows of tables of angles, and
 * by kind of attention those tables and a mask [batch, 1, seqLen, past+seqLen]; in host memory `past_length` int64 [1], the
 * places of the past; the output is {@linkcode FRESH} for a
 * cache in host memory, or all keys and values by layer for one that stays on the device.
 */
export function decoderGraph(
  model: LanguageModel,
  { place, weights, adapters = [] }: DecoderGraphOptions,
): Record<string, Value> {
  const cacheShape = ["batch", model.numKeyValueHeads, "past", model.headDim];
  const past = Array.from({ length: model.numLayers }, (_, layer): LayerCache => {
    const names = cacheNames(layer, "past");
    return {
      key: input(names.key, "float32", cacheShape),
      value: input(names.value, "float32", cacheShape),
    };
  });
  const { hidden, fresh, present } = forward(model, {
    weight: weights.weight,
    project: adaptedProject(weights.project, adapters),
    embedRows: weights.embedRows,
    attend: ATTEND[place](),
    ids: input(IDS, "int64", ["batch", "seqLen", 1]),
    positions: input(POSITIONS, "int64", ["batch", "seqLen", 1]),
    contexts: attentionContexts(model),
    past,
  });
  const flat = reshape(hidden, ["batch*seqLen", model.hiddenSize]);
  const chosen = gather(flat, input(ROWS, "int64", ["rows", 1]));
  const outputs: Record<string, Value> = {
    [LOGITS]: weights.logits(chosen),
    [HIDDEN]: gather(flat, input(HIDDEN_ROWS, "int64", ["hiddenRows", 1])),
  };
  if (place === "host") {
    // One tensor, because fetching many small ones costs more than joining them.
    outputs[FRESH] = concat(fresh.flatMap(({ key, value }) => [key, value]), 1);
    return outputs;
  }
  for (const [layer, { key, value }] of present.entries()) {
    const names = cacheNames(layer, "present");
    outputs[names.key] = key;
    outputs[names.value] = value;
  }
  return outputs;
}

/** How layers attend by where keys and values lie. */
const ATTEND: Readonly<Record<CachePlace, () => Attend>> = {
  "in-place": attendInPlace,
  host: () => attendApart(input(PAST_LENGTH, "int64", [1])),
  device: () => plainAttend,
};

/** Each place of the cache reads what it needs of these; what nothing reads is no input. */
function attentionContexts({ attentionKinds }: LanguageModel): AttentionContext[] {
  const angleRows = input(ANGLE_ROWS, "int64", ["batch", "seqLen"]);
  return attentionKinds.map(({ rope, rotaryDim }, kind): AttentionContext => {
    const names = kindNames(kind);
    return {
      angles: rope === null ? undefined : {
        positions: angleRows,
        cos: input(names.cos, "float32", ["angles", rotaryDim / 2]),
        sin: input(names.sin, "float32", ["angles", rotaryDim / 2]),
      },
      mask: input(names.mask, "float32", ["batch", 1, "seqLen", "past+seqLen"]),
    };
  });
}

/** Attention by the operator whose cache is extended in place. */
function attendInPlace(): Attend {
  const last = input(LAST, "int32", ["batch"]);
  const total = input(TOTAL, "int32", [1]);
  return ({ query, key, value, kind, context, past, scale }) => {
    if (past === undefined) throw new Error("Internal: there is no cache to extend");
    const joined = (x: Value): Value => {
      const [batch, seqLen, heads, width] = x.shape;
      return reshape(x, [batch!, seqLen!, (heads as number) * (width as number)]);
    };
    const parts = [query, key, value];
    const { output, ...present } = cachedAttention({
      features: uncut(parts) ?? concat(parts.map(joined), 2),
      pastKey: past.key,
      pastValue: past.value,
      last,
      total,
      angles: context.angles,
    }, { numHeads: query.shape[2] as number, scale, window: kind.window });
    return { output, fresh: undefined, present };
  };
}

/** Returns the value whose last dimension was cut into `parts`, and those into heads, if that is all that they are. */
function uncut(parts: readonly Value[]): Value | undefined {
  let whole: Value | undefined;
  let end = 0;
  for (const part of parts) {
    const [cut] = part.inputs;
    if (part.op !== "Reshape" || cut?.op !== "Slice") return undefined;
    const { axis, start } = cut.attributes;
    const [source] = cut.inputs;
    if (axis !== source!.shape.length - 1 || start !== end) return undefined;
    if (whole !== undefined && whole !== source) return undefined;
    whole = source!;
    end = cut.attributes.end;
  }
  return whole?.shape.at(-1) === end ? whole : undefined;
}
