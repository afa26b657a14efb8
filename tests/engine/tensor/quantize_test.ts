import assert from "node:assert/strict";
import { dequantizeRows, quantizeRows } from "../../../src/engine/tensor/quantize.ts";
import { rotateRow, rotationBlock, rotationMatrix } from "../../../src/engine/tensor/rotation.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { lcg } from "../graph/op_cases.ts";

function randomMatrix(shape: readonly [number, number], seed = 1): Tensor<"float32"> {
  const random = lcg(seed);
  const data = Float32Array.from({ length: shape[0] * shape[1] }, () => random() - 0.5);
  return tensor("float32", shape, data);
}

/** The norm of each row. */
function norms({ shape, data }: Tensor<"float32">): number[] {
  const [rows, columns] = shape as [number, number];
  return Array.from(
    { length: rows },
    (_, row) => Math.hypot(...data.subarray(row * columns, (row + 1) * columns)),
  );
}

for (const dtype of ["int8", "uint8"] as const) {
  Deno.test(`quantizeRows() to ${dtype} is off by half a scale per rotated element`, () => {
    for (const shape of [[7, 96], [5, 33], [3, 64]] as const) {
      const matrix = randomMatrix(shape);
      const quantized = quantizeRows(matrix, { dtype });
      assert.deepEqual(quantized.weight.shape, shape);
      const restored = dequantizeRows(quantized);
      const difference = { ...matrix, data: matrix.data.map((x, i) => x - restored.data[i]!) };
      for (const [row, norm] of norms(difference).entries()) {
        // Rotations keep norms: each of the elements may be off by half a scale.
        const bound = quantized.scales.data[row]! / 2 * Math.sqrt(shape[1]);
        assert.ok(norm <= bound * 1.0001, `row ${row}: ${norm} > ${bound}`);
      }
    }
  });
}

Deno.test("quantizeRows() makes each row's largest magnitude 127 and −128 never", () => {
  const { weight } = quantizeRows(randomMatrix([20, 80]));
  for (let row = 0; row < 20; row++) {
    const magnitudes = [...weight.data.subarray(row * 80, (row + 1) * 80)].map(Math.abs);
    assert.equal(Math.max(...magnitudes), 127);
  }
});

Deno.test("quantizeRows() of a matrix read transposed is that of its transpose", () => {
  const matrix = randomMatrix([6, 10]);
  const turned = Float32Array.from(
    { length: 60 },
    (_, i) => matrix.data[(i % 6) * 10 + Math.floor(i / 6)]!,
  );
  assert.deepEqual(
    quantizeRows(matrix, { transposed: true }),
    quantizeRows(tensor("float32", [10, 6], turned)),
  );
});

Deno.test("quantizeRows() keeps rows of zeros and refuses what is not finite", () => {
  const zero = quantizeRows(tensor("float32", [1, 4], new Float32Array(4)));
  assert.deepEqual([...dequantizeRows(zero).data], [0, 0, 0, 0]);
  for (const bad of [NaN, Infinity]) {
    const matrix = tensor("float32", [2, 2], Float32Array.of(1, 2, 3, bad));
    assert.throws(() => quantizeRows(matrix), /Cannot quantise row 1: .*not finite/);
  }
  assert.throws(() => quantizeRows(tensor("float32", [2], new Float32Array(2))), /a matrix/);
});

Deno.test("rotateRow() is the product with rotationMatrix(), block by block, and its own inverse", () => {
  for (const width of [1, 6, 24, 64, 192, 576]) {
    const block = rotationBlock(width);
    const { data } = randomMatrix([1, width]);
    const rotated = data.slice();
    rotateRow(rotated);
    const matrix = rotationMatrix(width);
    assert.deepEqual(matrix.shape, [block, block]);
    for (let i = 0; i < width; i++) {
      const start = Math.floor(i / block) * block;
      let sum = 0;
      for (let k = 0; k < block; k++) sum += data[start + k]! * matrix.data[k * block + i % block]!;
      assert.ok(Math.abs(sum - rotated[i]!) < 1e-6);
    }
    rotateRow(rotated);
    for (let i = 0; i < width; i++) assert.ok(Math.abs(rotated[i]! - data[i]!) < 1e-6);
  }
});

Deno.test("rotationBlock() is the largest power of two that divides the width, at most 64", () => {
  assert.deepEqual([1, 3, 6, 24, 576, 1536, 4096].map(rotationBlock), [1, 1, 2, 8, 64, 64, 64]);
});
