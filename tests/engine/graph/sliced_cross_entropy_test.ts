import assert from "node:assert/strict";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import { input, linearCrossEntropy, reduceSum, reshape } from "../../../src/engine/graph/build.ts";
import { evaluate, toEvaluated } from "../../../src/engine/graph/evaluate.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import { slicedCrossEntropy, sliceRows } from "../../../src/engine/graph/sliced_cross_entropy.ts";
import type { Value } from "../../../src/engine/graph/value.ts";
import { runMemory } from "../../../src/engine/onnx/memory.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { float16ToFloat32, float32ToFloat16 } from "../../../src/engine/tensor/float16.ts";
import { dequantizeRows, quantizeRows } from "../../../src/engine/tensor/quantize.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { lcg } from "./op_cases.ts";

const CPUS = AVAILABLE_DEVICES.filter((device) => device !== "webgpu");

const [VOCABULARY, WIDTH] = [9000, 32];
const RANGES = sliceRows(VOCABULARY);

/** The first and last ids of every slice, and some between. */
const TARGETS = [...RANGES.flatMap(({ start, end }) => [start, end - 1]), 17, 5000, 17];
const TOKENS = TARGETS.length;

const targets = tensor("int64", [TOKENS, 1], BigInt64Array.from(TARGETS, BigInt));

function numbers(shape: readonly [number, number], seed: number, size: number): Tensor<"float32"> {
  const random = lcg(seed);
  const data = Float32Array.from({ length: shape[0] * shape[1] }, () => (random() - 0.5) * size);
  return tensor("float32", shape, data);
}

const hidden = numbers([TOKENS, WIDTH], 3, 4);
const matrix = numbers([VOCABULARY, WIDTH], 4, 2);
// Some tokens are sure of what comes, some of something else.
for (const [row, id] of [[0, TARGETS[0]!], [1, 8000], [2, 3]] as const) {
  for (let i = 0; i < WIDTH; i++) hidden.data[row * WIDTH + i] = 4 * matrix.data[id * WIDTH + i]!;
}

interface Storage {
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** The matrix that is stored, in float32. */
  readonly stored: Tensor<"float32">;
  /** What losses and gradients may be off by. */
  readonly tolerance: number;
}

const half = float32ToFloat16(matrix.data);
const bytes = quantizeRows(matrix);

const STORAGES: Readonly<Record<string, Storage>> = {
  float32: { feeds: { weight: matrix }, stored: matrix, tolerance: 2e-5 },
  float16: {
    feeds: { weight: tensor("float16", matrix.shape, half) },
    stored: tensor("float32", matrix.shape, float16ToFloat32(half)),
    tolerance: 2e-5,
  },
  // Rows of `hidden` are rounded to 8 bits: elements of up to 16 are off by 16/254, each of 32 products by that.
  int8: {
    feeds: { weight: bytes.weight, scales: bytes.scales },
    stored: dequantizeRows(bytes),
    tolerance: 0.3,
  },
};

/** The losses and the gradient of their sum, in float64. */
function expected(stored: Tensor<"float32">): { losses: Float64Array; gradient: Float64Array } {
  const x = input("x", "float32", hidden.shape);
  const losses = linearCrossEntropy(x, {
    weight: input("weight", "float32", stored.shape),
    targets: input("targets", "int64", targets.shape),
  });
  const [gradient] = grad(total(losses), [x]);
  const feeds = { x: hidden, weight: stored, targets };
  const given = Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, toEvaluated(feed)]),
  );
  const [ofLosses, ofGradient] = evaluate([losses, gradient!], given);
  return {
    losses: Float64Array.from(ofLosses!.data),
    gradient: Float64Array.from(ofGradient!.data),
  };
}

function total(losses: Value): Value {
  return reshape(reduceSum(losses, [0, 1]), []);
}

/** The graph of what is tested. */
function describe(feeds: Storage["feeds"], tokens: number): { x: Value; losses: Value } {
  const x = input("x", "float32", [tokens, WIDTH]);
  const { weight, scales } = feeds;
  const losses = slicedCrossEntropy(x, {
    matrix: {
      weight: input("weight", weight!.dtype, weight!.shape),
      scales: scales && input("scales", scales.dtype, scales.shape),
    },
    targets: input("targets", "int64", [tokens, 1]),
  });
  return { x, losses };
}

for (const [name, { feeds, stored, tolerance }] of Object.entries(STORAGES)) {
  for (const device of CPUS) {
    Deno.test(`slicedCrossEntropy() with ${name} on ${device} is linearCrossEntropy(), gradients too`, async () => {
      const { x, losses } = describe(feeds, TOKENS);
      const [gradient] = grad(total(losses), [x]);
      const model = exportGraph({ losses, gradient: gradient! });
      await using session = await openSession(encodeModel(model), { device, threads: 2 });
      const results = await session.run({ ...feeds, x: hidden, targets });
      for (const [output, right] of Object.entries(expected(stored))) {
        const { data } = results[output] as Tensor<"float32">;
        for (const [i, element] of right.entries()) {
          const bound = tolerance * Math.max(1, Math.abs(element));
          assert.ok(Math.abs(data[i]! - element) <= bound, `${output} ${i}: ${data[i]} ${element}`);
        }
      }
    });
  }
}

Deno.test("slicedCrossEntropy() has one slice of logits in memory, with gradients and without", () => {
  const tokens = 1000;
  const { x, losses } = describe(STORAGES.float32!.feeds, tokens);
  const loss = total(losses);
  const all = tokens * VOCABULARY * 4;
  // What is written last is computed first.
  for (const outputs of [{ loss }, { gradient: grad(loss, [x])[0]!, loss }]) {
    const { activations } = runMemory(exportGraph(outputs));
    assert.ok(activations < 0.4 * all, `${activations} of ${all}`);
  }
});

Deno.test("slicedCrossEntropy() computes what gradients need only for gradients", () => {
  const { x, losses } = describe(STORAGES.float32!.feeds, TOKENS);
  const loss = total(losses);
  const products = (outputs: Record<string, Value>) =>
    exportGraph(outputs).nodes.filter(({ op }) => op === "Gemm").length;
  assert.equal(products({ loss }), RANGES.length);
  assert.equal(products({ loss, gradient: grad(loss, [x])[0]! }), 2 * RANGES.length);
});

Deno.test("sliceRows() takes every row once, in widths that do not collide in caches", () => {
  for (const rows of [1, 16, 4096, 4097, 32000, 49152, 50257, 128256, 151936, 262144]) {
    const ranges = sliceRows(rows);
    let end = 0;
    for (const range of ranges) {
      assert.equal(range.start, end);
      end = range.end;
    }
    assert.equal(end, rows);
    for (const { start, end } of ranges.slice(0, -1)) {
      assert.ok(end - start <= 4112 && (end - start) % 1024 !== 0 && (end - start) % 16 === 0);
    }
  }
});
