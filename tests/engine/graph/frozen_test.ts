import assert from "node:assert/strict";
import { grad } from "../../../src/engine/graph/autodiff.ts";
import {
  constant,
  gather,
  gemm,
  input,
  linear,
  linearCrossEntropy,
  mul,
  reduceSum,
  reshape,
} from "../../../src/engine/graph/build.ts";
import { exportGraph } from "../../../src/engine/graph/export.ts";
import {
  frozenGather,
  frozenGemm,
  frozenLinear,
  frozenLinearCrossEntropy,
  type FrozenMatrix,
} from "../../../src/engine/graph/frozen.ts";
import { FROZEN_DTYPES, type FrozenDtype, type Value } from "../../../src/engine/graph/value.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { float16ToFloat32, float32ToFloat16 } from "../../../src/engine/tensor/float16.ts";
import { dequantizeRows, quantizeRows } from "../../../src/engine/tensor/quantize.ts";
import { rotateRow } from "../../../src/engine/tensor/rotation.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { lcg } from "./op_cases.ts";

function random(shape: readonly [number, number], seed: number): Tensor<"float32"> {
  const next = lcg(seed);
  // Sums of three are bell-shaped enough; now and then one is ten times as large.
  const element = () => (next() + next() + next() - 1.5) * (next() < 0.01 ? 10 : 1);
  return tensor("float32", shape, Float32Array.from({ length: shape[0] * shape[1] }, element));
}

/** A matrix as it is stored, and what it stands for. */
interface Stored {
  readonly matrix: FrozenMatrix;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly plain: Tensor<"float32">;
}

function store(plain: Tensor<"float32">, dtype: FrozenDtype): Stored {
  const weight = input("weight", dtype, plain.shape);
  if (dtype === "float16") {
    const bits = float32ToFloat16(plain.data);
    return {
      matrix: { weight },
      feeds: { weight: tensor("float16", plain.shape, bits) },
      plain: tensor("float32", plain.shape, float16ToFloat32(bits)),
    };
  }
  const quantized = quantizeRows(plain, { dtype });
  return {
    matrix: { weight, scales: input("scales", "float32", [plain.shape[0]!]) },
    feeds: { ...quantized },
    plain: dequantizeRows(quantized),
  };
}

async function run(
  outputs: Readonly<Record<string, Value>>,
  { feeds, device }: { readonly feeds: Readonly<Record<string, Tensor>>; readonly device: Device },
): Promise<Record<string, Tensor<"float32">>> {
  const target = device === "webgpu" ? "gpu" : "cpu";
  await using session = await openSession(encodeModel(exportGraph(outputs, { target })), {
    device,
    threads: 2,
  });
  return await session.run(feeds) as Record<string, Tensor<"float32">>;
}

/** The largest difference, of the norm of a row of `expected`. */
function rowError(actual: Tensor<"float32">, expected: Tensor<"float32">): number {
  const width = expected.shape.at(-1)!;
  let worst = 0;
  for (let start = 0; start < expected.data.length; start += width) {
    const right = expected.data.subarray(start, start + width);
    const wrong = right.map((x, i) => x - actual.data[start + i]!);
    worst = Math.max(worst, Math.hypot(...wrong) / Math.hypot(...right));
  }
  return worst;
}

function rowOf({ shape, data }: Tensor<"float32">, row: number): Float32Array {
  const width = shape.at(-1)!;
  return data.slice(row * width, (row + 1) * width);
}

/** By how much rounding the rotated rows of `hidden` to 8 bits can move their products with a matrix of integers. */
function logitDrift(hidden: Tensor<"float32">, feeds: Readonly<Record<string, Tensor>>): number {
  const weight = feeds.weight as Tensor<"int8" | "uint8">;
  const scales = feeds.scales as Tensor<"float32">;
  const [rows, width] = weight.shape as [number, number];
  const zeroPoint = weight.dtype === "uint8" ? 128 : 0;
  let largest = 0;
  for (let row = 0; row < hidden.shape[0]!; row++) {
    const turned = rowOf(hidden, row);
    rotateRow(turned);
    largest = Math.max(largest, ...turned.map(Math.abs));
  }
  let longest = 0;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += Math.abs(weight.data[row * width + i]! - zeroPoint);
    longest = Math.max(longest, sum * scales.data[row]!);
  }
  return largest / 254 * longest;
}

const ids = constant(tensor("int64", [3, 1], BigInt64Array.of(4n, 0n, 4n)));
const [ROWS, WIDTH, OUT] = [24, 192, 80];

/**
 * Rounding to 8 bits moves an element by at most a 254th of the largest of its row, on average over rounding by a
 * √12th of a 127th; rotated rows of 192 elements are largest at about four times their root mean square, so that a
 * row, and what random matrices make of it, is off by about 4 / 127 / √12 of its norm. Gradients are off by as much
 * again for the outputs they are made from.
 */
const ROUNDED = 2 * 4 / 127 / Math.sqrt(12);
const EXACT = 2e-6;

for (const device of AVAILABLE_DEVICES) {
  for (const dtype of FROZEN_DTYPES) {
    const rounded = device !== "webgpu" && dtype !== "float16";

    Deno.test(`frozenLinear() of ${dtype} on ${device} is linear() of what is stored`, async () => {
      const { matrix, feeds, plain } = store(random([OUT, WIDTH], 3), dtype);
      const x = input("x", "float32", [2, ROWS / 2, WIDTH]);
      const given = { ...random([ROWS, WIDTH], 5), shape: [2, ROWS / 2, WIDTH] };
      const outputsOf = (output: Value): Record<string, Value> => {
        const loss = reshape(reduceSum(mul(output, output), [0, 1, 2]), []);
        return { output, gradient: grad(loss, [x])[0]! };
      };
      const actual = await run(outputsOf(frozenLinear(x, matrix)), {
        feeds: { ...feeds, x: given },
        device,
      });
      const expected = await run(outputsOf(linear(x, input("plain", "float32", [OUT, WIDTH]))), {
        feeds: { x: given, plain },
        device: "wasm",
      });
      for (const name of ["output", "gradient"]) {
        assert.deepEqual(actual[name]!.shape, expected[name]!.shape);
        const error = rowError(actual[name]!, expected[name]!);
        assert.ok(error <= (rounded ? 2 * ROUNDED : EXACT), `${name} is off by ${error}`);
      }
    });

    Deno.test(`frozenGather() of ${dtype} on ${device} is gather() of what is stored`, async () => {
      const { matrix, feeds, plain } = store(random([5, WIDTH], 7), dtype);
      const actual = await run({ rows: frozenGather(matrix, ids) }, { feeds, device });
      const expected = await run({ rows: gather(constant(plain), ids) }, {
        feeds: {},
        device: "wasm",
      });
      const error = rowError(actual.rows!, expected.rows!);
      assert.ok(error <= EXACT, `it is off by ${error}`);
    });

    Deno.test(`frozenLinearCrossEntropy() of ${dtype} on ${device} is linearCrossEntropy() of what is stored`, async () => {
      // More rows than are widened at once.
      const [vocab, width] = [9000, 16];
      const { matrix, feeds, plain } = store(random([vocab, width], 11), dtype);
      const hidden = input("hidden", "float32", [3, width]);
      const given = { ...feeds, hidden: random([3, width], 13) };
      const outputsOf = (losses: Value): Record<string, Value> => {
        const loss = reshape(reduceSum(losses, [0, 1]), []);
        return { losses, gradient: grad(loss, [hidden])[0]! };
      };
      const actual = await run(
        outputsOf(frozenLinearCrossEntropy(hidden, { ...matrix, targets: ids })),
        { feeds: given, device },
      );
      const weight = input("plain", "float32", [vocab, width]);
      const expected = await run(
        outputsOf(linearCrossEntropy(hidden, { weight, targets: ids })),
        { feeds: { hidden: given.hidden, plain }, device: "wasm" },
      );
      const drift = rounded ? logitDrift(given.hidden, feeds) : 0;
      const largestRow = Math.max(
        ...Array.from({ length: vocab }, (_, row) => Math.hypot(...rowOf(plain, row))),
      );
      for (let row = 0; row < 3; row++) {
        // A loss moves by at most twice what logits do; each probability by at most that factor.
        const lossError = Math.abs(actual.losses!.data[row]! - expected.losses!.data[row]!);
        assert.ok(lossError <= 2 * drift + 2e-5, `loss ${row} is off by ${lossError}`);
        const right = rowOf(expected.gradient!, row);
        const wrong = right.map((x, i) => x - rowOf(actual.gradient!, row)[i]!);
        const bound = Math.expm1(2 * drift) * largestRow + 2e-5 * Math.hypot(...right);
        assert.ok(
          Math.hypot(...wrong) <= bound,
          `gradient ${row} is off by ${Math.hypot(...wrong)}`,
        );
      }
    });
  }

  Deno.test(`frozenGemm() on ${device} keeps rows apart: neither a large one nor zeros change another`, async () => {
    const { matrix, feeds } = store(random([OUT, WIDTH], 3), "int8");
    const x = input("x", "float32", [2, WIDTH]);
    const y = frozenGemm(x, matrix, { transB: true });
    const small = random([1, WIDTH], 17).data;
    const firstRow = async (other: number): Promise<Float32Array> => {
      const data = Float32Array.of(...small, ...small.map((element) => element * other));
      const made = await run({ y }, {
        feeds: { ...feeds, x: tensor("float32", [2, WIDTH], data) },
        device,
      });
      return made.y!.data.subarray(0, OUT);
    };
    const beside0 = await firstRow(0);
    assert.ok(beside0.every(Number.isFinite));
    assert.deepEqual(await firstRow(1000), beside0);
  });
}

Deno.test("frozenGemm() refuses a matrix that is stored otherwise, and scales that do not fit", () => {
  const x = input("x", "float32", [2, 4]);
  const weight = input("w", "int8", [3, 4]);
  assert.throws(() => frozenGemm(x, { weight: input("w", "int32", [3, 4]) }), /matrix of int32/);
  assert.throws(
    () => frozenGemm(x, { weight }),
    /scales \(none\) with int8 \[3,4\]: it takes float32 \[3\]/,
  );
  const scales = input("s", "float32", [4]);
  assert.throws(() => frozenGemm(x, { weight, scales }), /scales float32 \[4\] with int8/);
  const half = { weight: input("w", "float16", [3, 4]), scales };
  assert.throws(() => frozenGemm(x, half), /it takes none/);
});

Deno.test("exportGraph() writes what only widens a matrix before all products", () => {
  const x = input("x", "float32", [4, 4]);
  const weights = ["a", "b"].map((name) => ({ weight: input(name, "float16", [4, 4]) }));
  const y = weights.reduce((h, matrix) => frozenGemm(h, matrix, { transB: true }), x);
  const z = gemm(y, x);
  const { nodes } = exportGraph({ z });
  assert.deepEqual(nodes.map(({ op }) => op), ["Cast", "Cast", "Gemm", "Gemm", "Gemm"]);
});
