/**
 * Attention that looks at earlier tokens and at new ones apart, so that their keys and values need not be joined: on CPUs
 * copying them would take as long as the attention itself.
 *
 * @module
 */

import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  scalar,
  softmax,
  transpose,
} from "../../engine/graph/build.ts";
import { multiplyDims } from "../../engine/graph/infer.ts";
import { sliceAt } from "../../engine/graph/inference.ts";
import type { Dim, Value } from "../../engine/graph/value.ts";
import { type Attend, rotateHeads } from "../../models/attention.ts";
import type { LayerCache } from "../../models/language_model.ts";

/** Returns attention where `pastLength` int64 [1] says how many places the past has. */
export function attendApart(pastLength: Value): Attend {
  return ({ query, key, value, kind, context, past, scale }) => {
    if (past === undefined) throw new Error("Internal: there is no past to look at");
    const { angles, mask } = context;
    const byHead = (x: Value): Value => transpose(x, [0, 2, 1, 3]);
    const rotated = (x: Value): Value =>
      angles === undefined ? byHead(x) : rotateHeads(byHead(x), angles, kind.rotaryDim);
    const fresh: LayerCache = { key: rotated(key), value: byHead(value) };
    const [batch, seqLen, numHeads, headDim] = query.shape as [Dim, Dim, number, number];
    const kvHeads = key.shape[2] as number;
    // The heads that share keys and values lie one after the other: they are rows of one product.
    const rows = multiplyDims(numHeads / kvHeads, seqLen);
    const heads = mul(rotated(query), scalar(scale));
    const grouped = reshape(heads, [batch, kvHeads, rows, headDim]);
    const scoresOf = (keys: Value): Value => matMul(grouped, transpose(keys, [0, 1, 3, 2]));
    const scores = concat([scoresOf(past.key), scoresOf(fresh.key)], 3);
    const total = scores.shape[3]!;
    const masked = add(reshape(scores, [batch, numHeads, seqLen, total]), mask);
    const weights = reshape(softmax(masked), [batch, kvHeads, rows, total]);
    const at = { axis: 3, at: pastLength };
    const earlier = sliceAt(weights, { ...at, part: "before", extent: past.key.shape[2]! });
    const now = sliceAt(weights, { ...at, part: "after", extent: seqLen });
    const mixed = add(matMul(earlier, past.value), matMul(now, fresh.value));
    const byToken = transpose(reshape(mixed, [batch, numHeads, seqLen, headDim]), [0, 2, 1, 3]);
    const output = reshape(byToken, [batch, seqLen, numHeads * headDim]);
    return { output, fresh, present: fresh };
  };
}
