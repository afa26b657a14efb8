/**
 * Attention in blocks of queries, each of which looks only at the keys up to its own end: what comes later is masked out,
 * and half of all scores need never be computed or kept.
 *
 * @module
 */

import { concat, mul, scalar, slice } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { type Attend, attendHeads, attentionHeads, joinHeads } from "./attention.ts";

/** Tokens of a block: with fewer, products of CPUs are no longer at their best. */
const BLOCK = 128;

/** The most blocks of a row: what more of them save is less than they cost. */
const MOST_BLOCKS = 4;

/**
 * Attention for rows that are read from their beginning and whose length is known, through which gradients flow. For
 * CPUs: to start an operator costs little there.
 */
export const blockedAttend: Attend = (inputs) => {
  const { query, fresh } = attentionHeads(inputs);
  const { context: { mask }, past, scale } = inputs;
  const seqLen = query.shape[2];
  if (typeof seqLen !== "number" || past !== undefined) {
    throw new TypeError("Cannot attend in blocks: the number of tokens is not known");
  }
  const size = Math.max(BLOCK, Math.ceil(seqLen / MOST_BLOCKS));
  const scaled = mul(query, scalar(scale));
  const blocks: Value[] = [];
  for (let start = 0; start < seqLen; start += size) {
    const end = Math.min(start + size, seqLen);
    const upToEnd = (x: Value): Value => slice(x, { axis: 2, start: 0, end });
    blocks.push(attendHeads({
      query: slice(scaled, { axis: 2, start, end }),
      present: { key: upToEnd(fresh.key), value: upToEnd(fresh.value) },
      mask: slice(slice(mask, { axis: 2, start, end }), { axis: 3, start: 0, end }),
      even: true,
    }));
  }
  return { output: joinHeads(concat(blocks, 2)), fresh, present: fresh };
};
