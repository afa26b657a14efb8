import assert from "node:assert/strict";
import { constant, input } from "../../../src/engine/graph/build.ts";
import { evaluate, toEvaluated } from "../../../src/engine/graph/evaluate.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import {
  blockQuantizedLinear,
  cachedAttention,
  rowQuantizedLinear,
} from "../../../src/engine/graph/inference.ts";
import type { Value } from "../../../src/engine/graph/value.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { quantizeBlocks } from "../../../src/engine/tensor/quantize_blocks.ts";
import { quantizeColumns } from "../../../src/engine/tensor/quantize_columns.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { lcg } from "./op_cases.ts";

const CPUS = AVAILABLE_DEVICES.filter((device) => device !== "webgpu");

function floats(shape: readonly number[], random: () => number): Tensor<"float32"> {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor("float32", shape, Float32Array.from({ length: size }, () => 2 * random() - 1));
}

/** The largest difference between what a device and the oracle make of `outputs`. */
async function farthest(
  outputs: Record<string, Value>,
  { feeds, device }: { readonly feeds: Record<string, Tensor>; readonly device: Device },
): Promise<number> {
  const target = device === "webgpu" ? "gpu" : "cpu";
  await using session = await openSession(encodeModel(exportGraph(outputs, { target })), {
    device,
    threads: 2,
  });
  const results = await session.run(feeds);
  const oracle = evaluate(
    Object.values(outputs),
    Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toEvaluated(feed)])),
  );
  let most = 0;
  for (const [i, name] of Object.keys(outputs).entries()) {
    const { data } = results[name] as Tensor<"float32">;
    assert.equal(data.length, oracle[i]!.data.length);
    for (const [at, element] of data.entries()) {
      most = Math.max(most, Math.abs(element - oracle[i]!.data[at]!));
    }
  }
  return most;
}

interface AttentionCase {
  readonly name: string;
  /** Tokens that each row has in the cache, and those it reads. */
  readonly past: readonly number[];
  readonly seqLen: number;
  readonly window: number | null;
  readonly rotaryDim: number;
}

const ATTENTION: readonly AttentionCase[] = [
  {
    name: "one token of rows of any length",
    past: [5, 0, 7],
    seqLen: 1,
    window: null,
    rotaryDim: 32,
  },
  { name: "a piece of a row", past: [5], seqLen: 4, window: null, rotaryDim: 32 },
  { name: "rows from their beginning", past: [0, 0], seqLen: 4, window: null, rotaryDim: 32 },
  { name: "a window", past: [5, 2], seqLen: 1, window: 3, rotaryDim: 32 },
  { name: "a window over a piece", past: [5], seqLen: 5, window: 3, rotaryDim: 32 },
  { name: "a part of each head rotated", past: [3, 4], seqLen: 1, window: null, rotaryDim: 16 },
  { name: "nothing rotated", past: [3, 4], seqLen: 1, window: null, rotaryDim: 0 },
];

for (const device of CPUS) {
  for (const { name, past, seqLen, window, rotaryDim } of ATTENTION) {
    Deno.test(`cachedAttention() with ${name} on ${device} is the oracle's`, async () => {
      const random = lcg(seqLen);
      const [heads, kvHeads, headDim, capacity] = [4, 2, 32, 12];
      const batch = past.length;
      const features = [batch, seqLen, (heads + 2 * kvHeads) * headDim];
      const cache = [batch, kvHeads, capacity, headDim];
      const angles = Array.from({ length: 16 * rotaryDim / 2 }, (_, i) => i / 10);
      const half = tensor("float32", [16, rotaryDim / 2], Float32Array.from(angles, Math.cos));
      const feeds: Record<string, Tensor> = {
        features: floats(features, random),
        pastKey: floats(cache, random),
        pastValue: floats(cache, random),
        last: tensor("int32", [batch], Int32Array.from(past, (length) => length + seqLen - 1)),
        total: tensor("int32", [1], Int32Array.of(Math.max(...past) + seqLen)),
        ...rotaryDim > 0 && {
          cos: half,
          sin: { ...half, data: Float32Array.from(angles, Math.sin) },
        },
      };
      const values = Object.fromEntries(
        Object.entries(feeds).map(([name, { dtype, shape }]) => [name, input(name, dtype, shape)]),
      );
      const { output, key, value } = cachedAttention({
        features: values["features"]!,
        pastKey: values["pastKey"]!,
        pastValue: values["pastValue"]!,
        last: values["last"]!,
        total: values["total"]!,
        angles: rotaryDim === 0 ? undefined : { cos: values["cos"]!, sin: values["sin"]! },
      }, { numHeads: heads, scale: 0.3, window });
      // On other devices what lies behind a row's end is not kept, so only the result is compared there.
      const outputs = { output, ...device === "native" && { key, value } };
      if (device === "native") {
        await using session = await openSession(encodeModel(exportGraph({ output, key, value })), {
          device,
        });
        const oracle = evaluate([key, value], evaluated(feeds));
        const into = { key: feeds["pastKey"]!, value: feeds["pastValue"]! };
        const most = await farthest({ output }, { feeds, device });
        await session.run(feeds, { into });
        assert.ok(most < 1e-5, `${most}`);
        for (const [i, { data }] of [into.key, into.value].entries()) {
          for (const [at, element] of data.entries()) {
            const off = Math.abs(Number(element) - oracle[i]!.data[at]!);
            assert.ok(off < 1e-6, "the cache is extended where it lies, and nothing else changes");
          }
        }
      } else assert.ok(await farthest(outputs, { feeds, device }) < 1e-5);
    });
  }

  Deno.test(`rowQuantizedLinear() on ${device} rounds each row by itself`, async () => {
    const random = lcg(3);
    const quantized = quantizeColumns(floats([24, 40], random));
    const matrix = { weight: constant(quantized.weight), scales: constant(quantized.scales) };
    const x = floats([2, 3, 40], random);
    // One row is a thousand times larger: were the scale shared, nothing would be left of the others.
    for (let i = 0; i < 40; i++) x.data[i]! *= 1000;
    // Others are all zeros, as padding is, or almost: their product is nothing, and no NaN.
    x.data.fill(0, 40, 80);
    for (let i = 80; i < 120; i++) x.data[i]! *= 1e-42;
    const y = rowQuantizedLinear(input("x", "float32", ["batch", "seqLen", 40]), matrix);
    await using session = await openSession(encodeModel(exportGraph({ y })), {
      device,
      threads: 2,
    });
    const together = (await session.run({ x }))["y"] as Tensor<"float32">;
    const fixed = rowQuantizedLinear(input("x", "float32", x.shape), matrix);
    const [oracle] = evaluate([fixed], evaluated({ x }));
    for (let row = 0; row < 6; row++) {
      const line = x.data.slice(row * 40, (row + 1) * 40);
      const alone = (await session.run({ x: tensor("float32", [1, 1, 40], line) }))["y"] as Tensor;
      const own = together.data.slice(row * 24, (row + 1) * 24);
      assert.deepEqual(Array.from(own), Array.from(alone.data as Float32Array));
      // Half a step of the row's rounding for each of 40 products with elements below 1.
      const bound = 40 * Math.max(...line.map(Math.abs)) / 254;
      for (const [i, element] of own.entries()) {
        assert.ok(Math.abs(element - oracle!.data[row * 24 + i]!) <= bound + 1e-40);
      }
    }
  });
}

function evaluated(feeds: Record<string, Tensor>) {
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toEvaluated(feed)]));
}

for (const device of AVAILABLE_DEVICES) {
  for (const [bits, width] of [[4, 64], [4, 40], [8, 96]] as const) {
    Deno.test(`blockQuantizedLinear() of ${bits} bits and width ${width} on ${device} is the oracle's to its rounding`, async () => {
      const random = lcg(bits);
      const quantized = quantizeBlocks(floats([24, width], random), { bits });
      const matrix = {
        ...quantized,
        weight: constant(quantized.weight),
        scales: constant(quantized.scales),
        zeroPoints: constant(quantized.zeroPoints),
      };
      const x = floats([2, 3, width], random);
      const outputs = { y: blockQuantizedLinear(input("x", "float32", x.shape), matrix) };
      const most = await farthest(outputs, { feeds: { x }, device });
      assert.ok(most < width / 254, `${most}`);
    });
  }
}
