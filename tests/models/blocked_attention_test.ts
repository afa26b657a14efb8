import assert from "node:assert/strict";
import { grad } from "../../src/engine/graph/autodiff.ts";
import { constant, input, mul, reduceSum, reshape } from "../../src/engine/graph/build.ts";
import { exportGraph } from "../../src/engine/graph/export.ts";
import type { Value } from "../../src/engine/graph/value.ts";
import { runMemory } from "../../src/engine/onnx/memory.ts";
import { encodeModel } from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import { type Attend, plainAttend } from "../../src/models/attention.ts";
import { blockedAttend } from "../../src/models/blocked_attention.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { lcg } from "../engine/graph/op_cases.ts";

const HEAD_DIM = 8;

/** Rows, heads, and heads that share keys and values. */
interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
}

const EVEN: Sizes = { batch: 2, heads: 4, kvHeads: 2 };

function floats(shape: readonly number[], seed: number): Tensor<"float32"> {
  const random = lcg(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor("float32", shape, Float32Array.from({ length: size }, () => 2 * random() - 1));
}

/** A mask by which tokens see at most `window` earlier ones of their own segment of `segment` tokens. */
function maskOf(
  seqLen: number,
  { window, segment }: { readonly window: number; readonly segment: number },
): Tensor<"float32"> {
  const mask = new Float32Array(seqLen * seqLen).fill(-1e9);
  for (let at = 0; at < seqLen; at++) {
    const first = Math.max(0, at + 1 - window, Math.floor(at / segment) * segment);
    mask.fill(0, at * seqLen + first, at * seqLen + at + 1);
  }
  return tensor("float32", [1, 1, seqLen, seqLen], mask);
}

interface Case extends Sizes {
  readonly seqLen: number;
  readonly mask: Tensor<"float32">;
}

function graphOf(attend: Attend, one: Case): Record<string, Value> {
  const { seqLen, mask, batch, heads, kvHeads } = one;
  const byHead = (name: string, count: number) =>
    input(name, "float32", [batch, seqLen, count, HEAD_DIM]);
  const read = [byHead("query", heads), byHead("key", kvHeads), byHead("value", kvHeads)];
  const [query, key, value] = read as [Value, Value, Value];
  const { output } = attend({
    query,
    key,
    value,
    kind: { rope: null, rotaryDim: 0, window: null },
    context: { angles: undefined, mask: input("mask", "float32", mask.shape) },
    past: undefined,
    scale: HEAD_DIM ** -0.5,
  });
  const weights = constant(floats([batch, seqLen, heads * HEAD_DIM], 9));
  const loss = reshape(reduceSum(mul(output, weights), [0, 1, 2]), []);
  const [ofQuery, ofKey, ofValue] = grad(loss, read) as [Value, Value, Value];
  return { output, ofQuery, ofKey, ofValue };
}

const unbounded = (seqLen: number) => maskOf(seqLen, { window: 1000, segment: 1000 });

const CASES: Readonly<Record<string, Case>> = {
  "one block": { ...EVEN, seqLen: 100, mask: unbounded(100) },
  "blocks of which the last is short": { ...EVEN, seqLen: 300, mask: unbounded(300) },
  "a sliding window": { ...EVEN, seqLen: 256, mask: maskOf(256, { window: 20, segment: 1000 }) },
  "packed rows": { ...EVEN, seqLen: 600, mask: maskOf(600, { window: 1000, segment: 70 }) },
  "three products, each in halves": {
    ...{ batch: 1, heads: 9, kvHeads: 3 },
    ...{ seqLen: 300, mask: unbounded(300) },
  },
  "nine products of several rows, in halves": {
    ...{ batch: 3, heads: 6, kvHeads: 3 },
    ...{ seqLen: 200, mask: unbounded(200) },
  },
  "one product of an odd number of rows": {
    ...{ batch: 1, heads: 3, kvHeads: 1 },
    ...{ seqLen: 131, mask: unbounded(131) },
  },
};

for (const device of AVAILABLE_DEVICES.filter((device) => device !== "webgpu")) {
  for (const [name, one] of Object.entries(CASES)) {
    Deno.test(`blockedAttend() with ${name} on ${device} is plainAttend(), gradients too`, async () => {
      const shape = (heads: number) => [one.batch, one.seqLen, heads, HEAD_DIM];
      const feeds = {
        query: floats(shape(one.heads), 1),
        key: floats(shape(one.kvHeads), 2),
        value: floats(shape(one.kvHeads), 3),
        mask: one.mask,
      };
      const results = await Promise.all([plainAttend, blockedAttend].map(async (attend) => {
        await using session = await openSession(encodeModel(exportGraph(graphOf(attend, one))), {
          device,
          threads: 2,
        });
        return await session.run(feeds) as Record<string, Tensor<"float32">>;
      }));
      const [plain, blocked] = results as [typeof results[0], typeof results[0]];
      for (const output of Object.keys(plain)) {
        for (const [i, element] of blocked[output]!.data.entries()) {
          assert.ok(Math.abs(element - plain[output]!.data[i]!) < 2e-6, `${output} ${i}`);
        }
      }
    });
  }
}

Deno.test("blockedAttend() keeps little more than half of the scores", () => {
  const one = { ...EVEN, seqLen: 512, mask: unbounded(512) };
  const [plain, blocked] = [plainAttend, blockedAttend].map((attend) =>
    runMemory(exportGraph(graphOf(attend, one))).activations
  );
  assert.ok(blocked! < 0.7 * plain!, `${blocked} of ${plain}`);
});
