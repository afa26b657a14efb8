import assert from "node:assert/strict";
import {
  BLOCK_SIZE,
  type Matrix,
  quantizeBlocks,
  quantizeRows,
} from "../../../src/inference/onnx_export/quantize.ts";
import { lcg } from "../../engine/graph/op_cases.ts";
import { roundedByBlock } from "./rounded_weights.ts";

/** Two full blocks and a part of a third in each row; the last row is zero. */
const MATRIX = randomMatrix(7, 2 * BLOCK_SIZE + 5);

function randomMatrix(rows: number, columns: number): Matrix {
  const random = lcg(3);
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => i >= (rows - 1) * columns ? 0 : (random() + random() + random() - 1.5) * 2 ** (i % 5),
  );
  return { data, rows, columns };
}

Deno.test("quantizeRows() is nowhere off by more than half a step of its row", () => {
  const { data, scales } = quantizeRows(MATRIX);
  for (const [i, element] of MATRIX.data.entries()) {
    const scale = scales[Math.floor(i / MATRIX.columns)]!;
    assert.ok(Math.abs(data[i]! * scale - element) <= scale * 0.5001, `${i}`);
  }
});

Deno.test("quantizeBlocks() of 8 bits is nowhere off by more than a step of its block", () => {
  const { scales } = quantizeBlocks(MATRIX, { bits: 8 });
  for (const [i, element] of roundedByBlock(MATRIX, 8).entries()) {
    const block = Math.floor(i / MATRIX.columns) * 3 +
      Math.floor((i % MATRIX.columns) / BLOCK_SIZE);
    assert.ok(Math.abs(element - MATRIX.data[i]!) <= Math.abs(scales[block]!) * 1.0001, `${i}`);
  }
});

Deno.test("quantizeBlocks() of 4 bits has no larger squared error than Q4_0's plain rounding in any block, and a smaller one in all", () => {
  const made = roundedByBlock(MATRIX, 4);
  let total = 0;
  let plainTotal = 0;
  for (let row = 0; row < MATRIX.rows; row++) {
    for (let start = 0; start < MATRIX.columns; start += BLOCK_SIZE) {
      const end = Math.min(start + BLOCK_SIZE, MATRIX.columns);
      const at = row * MATRIX.columns;
      const block = MATRIX.data.subarray(at + start, at + end);
      const most = block.reduce((most, it) => Math.abs(it) > Math.abs(most) ? it : most, 0);
      const scale = most / -8;
      let error = 0;
      let plain = 0;
      for (const [i, element] of block.entries()) {
        const integer = scale === 0 ? 8 : Math.min(15, Math.floor(element / scale + 8.5));
        plain += ((integer - 8) * scale - element) ** 2;
        error += (made[at + start + i]! - element) ** 2;
      }
      assert.ok(error <= plain * (1 + 1e-6), `row ${row}, column ${start}: ${error}, ${plain}`);
      total += error;
      plainTotal += plain;
    }
  }
  assert.ok(total > 0 && total < plainTotal, `${total}, ${plainTotal}`);
});
