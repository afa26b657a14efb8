import assert from "node:assert/strict";
import { exportGraph } from "../../src/engine/graph/export.ts";
import { runMemory } from "../../src/engine/onnx/memory.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import { plainAttend } from "../../src/models/attention.ts";
import { blockedAttend } from "../../src/models/blocked_attention.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { type AttentionCase, attentionGraph, runAttention } from "./attention_graph.ts";

const EVEN = { batch: 2, heads: 4, kvHeads: 2 };

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

const unbounded = (seqLen: number) => maskOf(seqLen, { window: 1000, segment: 1000 });

const CASES: Readonly<Record<string, AttentionCase>> = {
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
      const plain = await runAttention(plainAttend, { one, device });
      const blocked = await runAttention(blockedAttend, { one, device });
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
    runMemory(exportGraph(attentionGraph(attend, one))).activations
  );
  assert.ok(blocked! < 0.7 * plain!, `${blocked} of ${plain}`);
});
