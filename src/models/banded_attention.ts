/**
 * Attention for long rows of which no token looks far back, as in rows of many examples: rows are cut into blocks, each of
 * which looks at itself and the block before. What it costs grows with the length of the blocks, not with that of the
 * rows.
 *
 * @module
 */

import { concat, mul, reshape, scalar, slice, transpose } from "../engine/graph/build.ts";
import type { Value } from "../engine/graph/value.ts";
import { type Attend, attendHeads, attentionHeads, joinHeads } from "./attention.ts";

/** With fewer tokens in a block, products are no longer at their best. */
const LEAST_BLOCK = 64;

/** In fewer blocks, as much is computed as when blocks look at all that is before them. */
const LEAST_BLOCKS = 4;

/**
 * Returns the tokens of a block if rows of `seqLen` tokens, each of which looks at `reach` tokens at most, itself
 * included, are to be cut into blocks; `undefined` if they are not.
 */
export function bandOf(seqLen: number, reach: number): number | undefined {
  const most = Math.floor(seqLen / Math.max(LEAST_BLOCK, reach - 1));
  for (let blocks = most; blocks >= LEAST_BLOCKS; blocks--) {
    if (seqLen % blocks === 0) return seqLen / blocks;
  }
  return undefined;
}

/**
 * Attention in blocks of `context.band` tokens, through which gradients flow. Mask and positions of angles are those of
 * blocks.
 */
export const bandedAttend: Attend = (inputs) => {
  const { query, key, value, context, scale, past } = inputs;
  const { band, mask } = context;
  const [batch, seqLen] = query.shape;
  if (band === undefined || typeof seqLen !== "number" || typeof batch !== "number" || past) {
    throw new TypeError("Cannot attend in a band: the number of tokens or the band is not known");
  }
  const blocks = seqLen / band;
  const count = batch * blocks;
  // blocks are as rows of their own, but for the keys and values of the block before
  const cut = (x: Value): Value => reshape(x, [count, band, ...x.shape.slice(2)]);
  const heads = attentionHeads({
    ...inputs,
    ...{ query: cut(query), key: cut(key), value: cut(value) },
  });
  const { key: keys, value: values } = heads.fresh;
  const mixed = attendHeads({
    query: mul(heads.query, scalar(scale)),
    present: { key: withBefore(keys, count), value: withBefore(values, count) },
    mask,
    even: true,
  });
  const whole = (x: Value): Value => {
    const [, heads, , headDim] = x.shape as [number, number, number, number];
    const apart = reshape(x, [batch, blocks, heads, band, headDim]);
    return reshape(transpose(apart, [0, 2, 1, 3, 4]), [batch, heads, seqLen, headDim]);
  };
  const output = joinHeads(mixed);
  const fresh = { key: whole(keys), value: whole(values) };
  return {
    output: reshape(output, [batch, seqLen, output.shape[2]!]),
    fresh,
    present: fresh,
  };
};

/** Returns attention that is in a band in layers that have one, and `attend` in others. */
export function inBands(attend: Attend): Attend {
  return (inputs) => inputs.context.band === undefined ? attend(inputs) : bandedAttend(inputs);
}

/** Puts before each block the one that comes before it; before the first the last, of which masks hide everything. */
function withBefore(x: Value, count: number): Value {
  const before = concat([
    slice(x, { axis: 0, start: count - 1, end: count }),
    slice(x, { axis: 0, start: 0, end: count - 1 }),
  ], 0);
  return concat([before, x], 2);
}
