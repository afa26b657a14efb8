/**
 * Causal attention with grouped key and value heads, as every architecture here has it.
 *
 * @module
 */

import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  rotary,
  type RotaryAngles,
  scalar,
  slice,
  softmaxMatMul,
  swapLastTwo,
  transpose,
} from "../engine/graph/build.ts";
import { multiplyDims } from "../engine/graph/infer.ts";
import type { Dim, Value } from "../engine/graph/value.ts";
import type { AttentionContext, AttentionKind, LayerCache } from "./language_model.ts";

/** Gives heads a dimension of their own: [batch, seqLen, heads · headDim] → [batch, seqLen, heads, headDim]. */
export function splitFeatures(x: Value, headDim: number): Value {
  const [batch, seqLen, width] = x.shape;
  return reshape(x, [batch!, seqLen!, (width as number) / headDim, headDim]);
}

/** Cuts the last dimension into parts of `widths`. */
export function cutFeatures(x: Value, widths: readonly number[]): Value[] {
  let end = 0;
  return widths.map((width) => slice(x, { axis: -1, start: end, end: end += width }));
}

/** Rotates the first `rotaryDim` elements of each head of `x` [batch, heads, seqLen, headDim]. */
export function rotateHeads(x: Value, angles: RotaryAngles, rotaryDim: number): Value {
  const headDim = x.shape[3] as number;
  if (rotaryDim === headDim) return rotary(x, angles);
  const [turned, kept] = cutFeatures(x, [rotaryDim, headDim - rotaryDim]);
  return concat([rotary(turned!, angles), kept!], 3);
}

/** What {@linkcode attention} reads. */
export interface AttentionInputs {
  /** [batch, numHeads, seqLen, headDim]. */
  readonly query: Value;
  /** Keys and values of the tokens read now, [batch, numKeyValueHeads, seqLen, headDim]. */
  readonly fresh: LayerCache;
  /** Those of earlier tokens, [batch, numKeyValueHeads, pastLen, headDim]. */
  readonly past: LayerCache | undefined;
  /** Added to the scores, [batch or 1, 1, seqLen, pastLen + seqLen]. */
  readonly mask: Value;
  /** Factor of the scores. */
  readonly scale: number;
}

/** What {@linkcode attention} makes. */
export interface AttentionOutputs {
  /** [batch, seqLen, numHeads · headDim]. */
  readonly output: Value;
  /** Keys and values of earlier tokens and those read now. */
  readonly present: LayerCache;
}

/** Lets every token look at the earlier ones that `mask` allows. */
export function attention({ query, past, fresh, mask, scale }: AttentionInputs): AttentionOutputs {
  const present: LayerCache = past === undefined ? fresh : {
    key: concat([past.key, fresh.key], 2),
    value: concat([past.value, fresh.value], 2),
  };
  const scaled = mul(query, scalar(scale));
  return { output: joinHeads(attendHeads({ query: scaled, present, mask })), present };
}

/** Puts heads one after the other: [batch, heads, seqLen, headDim] → [batch, seqLen, heads · headDim]. */
export function joinHeads(mixed: Value): Value {
  const [batch, numHeads, seqLen, headDim] = mixed.shape as [Dim, number, Dim, number];
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, seqLen, numHeads * headDim]);
}

/** What {@linkcode attendHeads} reads. */
export interface HeadInputs extends Pick<AttentionInputs, "mask"> {
  /** Queries times the factor of the scores, [batch, numHeads, seqLen, headDim]. */
  readonly query: Value;
  /** Keys and values of all tokens that are looked at. */
  readonly present: LayerCache;
  /**
   * Whether products are halved where they are odd in number: threads of a CPU take whole ones, so two threads would
   * have unequal parts. @default {false}
   */
  readonly even?: boolean;
}

/** Returns what each head makes of the values, [batch, numHeads, seqLen, headDim]. */
export function attendHeads({ query, present, mask, even = false }: HeadInputs): Value {
  const [batch, numHeads, seqLen, headDim] = query.shape as [Dim, number, Dim, number];
  const kvHeads = present.key.shape[1] as number;
  const total = present.key.shape[2]!;
  // The heads that share keys and values lie one after the other: they are rows of one product.
  const rows = multiplyDims(numHeads / kvHeads, seqLen);
  const count = multiplyDims(kvHeads, batch);
  const isHalved = even && leaves(count, 1) && leaves(rows, 0);
  const products = isHalved ? [count, 2, rows / 2] : [batch, kvHeads, rows];
  const shared = (x: Value): Value => isHalved ? reshape(x, [count, 1, total, headDim]) : x;
  const scores = matMul(
    reshape(query, [...products, headDim]),
    swapLastTwo(shared(present.key)),
  );
  const masked = add(reshape(scores, [batch, numHeads, seqLen, total]), mask);
  return reshape(
    softmaxMatMul(reshape(masked, [...products, total]), shared(present.value)),
    [batch, numHeads, seqLen, headDim],
  );
}

/** Whether an extent is known and leaves `remainder` when it is halved. */
function leaves(extent: Dim, remainder: 0 | 1): extent is number {
  return typeof extent === "number" && extent % 2 === remainder;
}

/** What the attention of a layer reads, nothing of it rotated yet. */
export interface AttendInputs {
  /** [batch, seqLen, numHeads, headDim]. */
  readonly query: Value;
  /** [batch, seqLen, numKeyValueHeads, headDim]. */
  readonly key: Value;
  /** [batch, seqLen, numKeyValueHeads, headDim]. */
  readonly value: Value;
  /** How the layer attends. */
  readonly kind: AttentionKind;
  /** What the layers of that kind read. */
  readonly context: AttentionContext;
  /** Keys and values of earlier tokens. */
  readonly past: LayerCache | undefined;
  /** Factor of the scores. */
  readonly scale: number;
}

/** What the attention of a layer makes. */
export interface AttendOutputs extends AttentionOutputs {
  /** Keys and values of the tokens read now; `undefined` where they exist only within the present ones. */
  readonly fresh: LayerCache | undefined;
}

/** Computes the attention of a layer. */
export type Attend = (inputs: AttendInputs) => AttendOutputs;

/** Returns queries, keys and values by head, [batch, heads, seqLen, headDim], the first two rotated. */
export function attentionHeads(
  { query, key, value, kind, context: { angles } }: AttendInputs,
): Pick<AttentionInputs, "query" | "fresh"> {
  const byHead = (x: Value): Value => transpose(x, [0, 2, 1, 3]);
  const rotated = (x: Value): Value =>
    angles === undefined ? byHead(x) : rotateHeads(byHead(x), angles, kind.rotaryDim);
  return { query: rotated(query), fresh: { key: rotated(key), value: byHead(value) } };
}

/** Attention spelled out in operators through which gradients flow. */
export const plainAttend: Attend = (inputs) => {
  const { context: { mask }, past, scale } = inputs;
  const heads = attentionHeads(inputs);
  return { ...attention({ ...heads, past, mask, scale }), fresh: heads.fresh };
};
