/**
 * Attention in blocks of queries, each of which looks only at the keys up to its own end: what comes later is masked out,
 * and half of all scores need never be computed or kept.
 *
 * @module
 */

import { concat, slice } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { type Attend, attention, attentionHeads } from "./attention.ts";

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
  const outputs: Value[] = [];
  for (let start = 0; start < seqLen; start += size) {
    const end = Math.min(start + size, seqLen);
    const upToEnd = (x: Value, axis: number): Value => slice(x, { axis, start: 0, end });
    const block = attention({
      query: slice(query, { axis: 2, start, end }),
      fresh: { key: upToEnd(fresh.key, 2), value: upToEnd(fresh.value, 2) },
      past: undefined,
      mask: upToEnd(slice(mask, { axis: 2, start, end }), 3),
      scale,
    });
    outputs.push(block.output);
  }
  return { output: concat(outputs, 1), fresh, present: fresh };
};
