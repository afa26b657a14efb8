import assert from "node:assert/strict";
import fc from "fast-check";
import { exportGraph } from "../../src/engine/graph/export.ts";
import { runMemory } from "../../src/engine/onnx/memory.ts";
import { type Tensor, tensor } from "../../src/engine/tensor/tensor.ts";
import { type Attend, plainAttend } from "../../src/models/attention.ts";
import { bandedAttend, bandOf } from "../../src/models/banded_attention.ts";
import { blockedAttend } from "../../src/models/blocked_attention.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { type AttentionCase, attentionGraph, runAttention } from "./attention_graph.ts";

const MASKED = -1e9;

/** Rows of examples of the lengths `lengths`, over and over, each row beginning in another place of them. */
function packedRows(
  { batch, seqLen, lengths }: {
    readonly batch: number;
    readonly seqLen: number;
    readonly lengths: readonly number[];
  },
): { mask: Tensor<"float32">; positions: BigInt64Array<ArrayBuffer> } {
  const mask = new Float32Array(batch * seqLen * seqLen).fill(MASKED);
  const positions = new BigInt64Array(batch * seqLen);
  for (let row = 0; row < batch; row++) {
    let example = row;
    for (let at = 0, position = 0; at < seqLen; at++, position++) {
      if (position === lengths[example % lengths.length]) [example, position] = [example + 1, 0];
      const line = (row * seqLen + at) * seqLen;
      mask.fill(0, line + at - position, line + at + 1);
      positions[row * seqLen + at] = BigInt(position);
    }
  }
  return {
    mask: tensor("float32", [batch, 1, seqLen, seqLen], mask),
    positions,
  };
}

/** Returns what blocks see of `mask`: themselves and the block before. */
function inBand(mask: Tensor<"float32">, band: number): Tensor<"float32"> {
  const [batch, , seqLen] = mask.shape as [number, number, number];
  const blocks = seqLen / band;
  const seen = new Float32Array(batch * seqLen * 2 * band).fill(MASKED);
  for (let line = 0; line < batch * seqLen; line++) {
    const first = (Math.floor((line % seqLen) / band) - 1) * band;
    for (let column = Math.max(0, -first); column < 2 * band; column++) {
      seen[line * 2 * band + column] = mask.data[line * seqLen + first + column]!;
    }
  }
  return tensor("float32", [batch * blocks, 1, band, 2 * band], seen);
}

interface Packed extends Omit<AttentionCase, "mask"> {
  readonly band: number;
  /** Of examples. */
  readonly lengths: readonly number[];
  readonly rotates: boolean;
}

const CASES: Readonly<Record<string, Packed>> = {
  "heads that share keys": {
    ...{ batch: 2, heads: 4, kvHeads: 2, rotates: true },
    ...{ seqLen: 256, band: 64, lengths: [65, 3, 40, 1, 64] },
  },
  "a single row of examples as long as may be": {
    ...{ batch: 1, heads: 3, kvHeads: 1, rotates: true },
    ...{ seqLen: 320, band: 64, lengths: [65] },
  },
  "nothing rotated, and an odd number of blocks": {
    ...{ batch: 3, heads: 2, kvHeads: 2, rotates: false },
    ...{ seqLen: 350, band: 70, lengths: [30, 71, 7] },
  },
};

for (const device of AVAILABLE_DEVICES) {
  for (const [name, { lengths, rotates, band, ...sizes }] of Object.entries(CASES)) {
    Deno.test(`bandedAttend() with ${name} on ${device} is plainAttend(), gradients too`, async () => {
      const { mask, positions } = packedRows({ ...sizes, lengths });
      const rotated = (width: number) => {
        const shape = [sizes.batch * sizes.seqLen / width, width];
        return rotates ? { positions: tensor("int64", shape, positions) } : {};
      };
      const rows: AttentionCase = { ...sizes, ...rotated(sizes.seqLen), mask };
      const plain = await runAttention(plainAttend, { device, one: rows });
      const banded = await runAttention(bandedAttend, {
        device,
        one: { ...rows, ...rotated(band), band, mask: inBand(mask, band) },
      });
      for (const output of Object.keys(plain)) {
        assert.deepEqual(banded[output]!.shape, plain[output]!.shape);
        for (const [i, element] of banded[output]!.data.entries()) {
          assert.ok(Math.abs(element - plain[output]!.data[i]!) < 2e-6, `${output} ${i}`);
        }
      }
    });
  }
}

Deno.test("bandOf() cuts rows evenly, into blocks that see what each token may", () => {
  const length = fc.integer({ min: 1, max: 5000 });
  fc.assert(fc.property(length, length, (seqLen, reach) => {
    const band = bandOf(seqLen, reach);
    if (band === undefined) return;
    assert.ok(seqLen % band === 0 && 4 * band <= seqLen);
    assert.ok(band + 1 >= reach, "the first token of a block sees all of the one before");
    assert.equal(bandOf(seqLen, band + 1), band);
  }));
  assert.equal(bandOf(2048, 200), 256);
  assert.equal(bandOf(2048, 257), 256);
  assert.equal(bandOf(2048, 600), undefined);
  assert.equal(bandOf(1009, 100), undefined, "a prime");
});

Deno.test("bandedAttend() keeps scores in proportion to its blocks", () => {
  const sizes = { batch: 1, heads: 4, kvHeads: 2, seqLen: 2048 };
  const keptBy = (attend: Attend, band?: number) => {
    const shape = band === undefined ? [1, 1, 2048, 2048] : [2048 / band, 1, band, 2 * band];
    const mask = tensor("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
    const one: AttentionCase = { ...sizes, mask, ...band !== undefined && { band } };
    return runMemory(exportGraph(attentionGraph(attend, one))).activations;
  };
  const [banded, blocked] = [keptBy(bandedAttend, 256), keptBy(blockedAttend)];
  assert.ok(banded < 0.6 * blocked, `${banded} of ${blocked}`);
});
