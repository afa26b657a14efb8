/**
 * Attention of a layer alone, with its gradients.
 *
 * @module
 */

import { grad } from "../../src/engine/graph/autodiff.ts";
import { constant, input, mul, reduceSum, reshape } from "../../src/engine/graph/build.ts";
import { exportGraph } from "../../src/engine/graph/export.ts";
import type { Value } from "../../src/engine/graph/value.ts";
import { encodeModel } from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import type { Attend } from "../../src/models/attention.ts";
import { angleTables, ropeAngles } from "../../src/models/rope.ts";
import { lcg } from "../engine/graph/op_cases.ts";

const HEAD_DIM = 8;

/** What attends, and to what. */
export interface AttentionCase {
  /** Rows. */
  readonly batch: number;
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values. */
  readonly kvHeads: number;
  /** Tokens of a row. */
  readonly seqLen: number;
  /** Added to the scores. */
  readonly mask: Tensor<"float32">;
  /** Tokens of a block, where attention is in a band. */
  readonly band?: number;
  /** The position of each token, by row or block. @default {nothing is rotated} */
  readonly positions?: Tensor<"int64">;
}

/** Describes the output, keys and values by head, and the gradients of a sum of outputs, each weighted. */
export function attentionGraph(attend: Attend, one: AttentionCase): Record<string, Value> {
  const { seqLen, mask, band, positions, batch, heads, kvHeads } = one;
  const byHead = (name: string, count: number) =>
    input(name, "float32", [batch, seqLen, count, HEAD_DIM]);
  const read = [byHead("query", heads), byHead("key", kvHeads), byHead("value", kvHeads)];
  const [query, key, value] = read as [Value, Value, Value];
  const count = Array.from({ length: seqLen }, (_, i) => i);
  const tables = angleTables(ropeAngles({ type: "default", theta: 100 }, HEAD_DIM), count);
  const { output, present } = attend({
    ...{ query, key, value },
    kind: { rope: null, rotaryDim: HEAD_DIM, window: null },
    context: {
      band,
      mask: input("mask", "float32", mask.shape),
      angles: positions && {
        positions: input("positions", "int64", positions.shape),
        cos: constant(tables.cos),
        sin: constant(tables.sin),
      },
    },
    past: undefined,
    scale: HEAD_DIM ** -0.5,
  });
  const weights = constant(floats([batch, seqLen, heads * HEAD_DIM], 9));
  const loss = reshape(reduceSum(mul(output, weights), [0, 1, 2]), []);
  const [ofQuery, ofKey, ofValue] = grad(loss, read) as [Value, Value, Value];
  return { output, keys: present.key, values: present.value, ofQuery, ofKey, ofValue };
}

/** Computes what {@linkcode attentionGraph} describes, of queries, keys and values that are always the same. */
export async function runAttention(
  attend: Attend,
  { one, device }: { readonly one: AttentionCase; readonly device: Device },
): Promise<Record<string, Tensor<"float32">>> {
  const { mask, positions } = one;
  const floatsFor = (heads: number, seed: number) =>
    floats([one.batch, one.seqLen, heads, HEAD_DIM], seed);
  const target = device === "webgpu" ? "gpu" : "cpu";
  const graph = exportGraph(attentionGraph(attend, one), { target });
  await using session = await openSession(encodeModel(graph), { device, threads: 2 });
  return await session.run({
    query: floatsFor(one.heads, 1),
    key: floatsFor(one.kvHeads, 2),
    value: floatsFor(one.kvHeads, 3),
    mask,
    ...positions && { positions },
  }) as Record<string, Tensor<"float32">>;
}

function floats(shape: readonly number[], seed: number): Tensor<"float32"> {
  const random = lcg(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor("float32", shape, Float32Array.from({ length: size }, () => 2 * random() - 1));
}
