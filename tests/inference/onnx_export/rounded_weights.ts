/**
 * What quantised weights stand for.
 *
 * @module
 */

import { tensor } from "../../../src/engine/tensor/tensor.ts";
import {
  BLOCK_SIZE,
  type BlockBits,
  type Matrix,
  quantizeBlocks,
  quantizeRows,
} from "../../../src/inference/onnx_export/quantize.ts";
import { transposed } from "../../../src/inference/onnx_export/transposed.ts";
import type { LanguageModel } from "../../../src/models/language_model.ts";
import type { NamedWeight } from "../../../src/models/weights.ts";

/** The numbers that stored blocks stand for, read bit by bit. */
export function roundedByBlock(matrix: Matrix, bits: BlockBits): Float32Array {
  const { data, scales } = quantizeBlocks(matrix, { bits });
  const blocks = Math.ceil(matrix.columns / BLOCK_SIZE);
  return Float32Array.from(matrix.data, (_, i) => {
    const row = Math.floor(i / matrix.columns);
    const column = i % matrix.columns;
    const at = row * blocks * BLOCK_SIZE + column;
    const integer = bits === 8 ? data[at]! : data[at >> 1]! >> (at % 2 === 0 ? 0 : 4) & 15;
    return (integer - 2 ** (bits - 1)) * scales[row * blocks + Math.floor(column / BLOCK_SIZE)]!;
  });
}

/** The numbers that stored rows stand for. */
export function roundedByRow(matrix: Matrix): Float32Array {
  const { data, scales } = quantizeRows(matrix);
  return Float32Array.from(data, (it, i) => it * scales[Math.floor(i / matrix.columns)]!);
}

/** Yields the weights of `model` with its matrices as `q8_0` or `q4_0` round them. */
export async function* roundedWeights(
  model: LanguageModel,
  { weights, type }: {
    readonly weights: AsyncIterable<NamedWeight>;
    readonly type: "q8_0" | "q4_0";
  },
): AsyncGenerator<NamedWeight, void> {
  const projections = new Map(
    model.projections.map(({ name, transposed }) => [`${name}.weight`, transposed]),
  );
  for await (const { name, tensor: { shape, data } } of weights) {
    const [rows, columns] = shape as [number, number];
    if (shape.length !== 2) {
      yield { name, tensor: { dtype: "float32", shape, data } };
      continue;
    }
    const bits = projections.has(name) ? 4 : 8;
    const round = (matrix: Matrix): Float32Array =>
      type === "q8_0" ? roundedByRow(matrix) : roundedByBlock(matrix, bits);
    // What is only looked up, and has no whole blocks, is not rounded.
    const lookedUp = bits === 8 && name !== model.outputWeight;
    const kept = type === "q4_0" && lookedUp && columns % BLOCK_SIZE !== 0;
    const rounded = kept ? data : projections.get(name) === true
      ? transposed(
        round({ data: transposed(data, [rows, columns]), rows: columns, columns: rows }),
        [columns, rows],
      )
      : round({ data, rows, columns });
    yield { name, tensor: tensor("float32", shape, rounded) };
  }
}
