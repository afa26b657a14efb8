/**
 * Weights as 8-bit integers, multiplied as integers: what CPUs and WebAssembly do fastest.
 *
 * @module
 */

import type { NodeWriter } from "./node_writer.ts";
import { quantizeRows } from "./quantize.ts";
import { transposed } from "./transposed.ts";
import type {
  Product,
  RowLookup,
  SpellingTarget,
  WeightMatrix,
  WeightSpelling,
} from "./weight_spelling.ts";

/** The spelling of weights with a factor for each output feature. */
export const INTEGER_WEIGHTS: WeightSpelling = {
  plainDtype: "float32",
  product: integerProduct,
  lookup: integerLookup,
};

/** Stores 8-bit integers with a factor for each output feature or, which is the same, each row that is looked up. */
function storeIntegers(
  { name, shape, gathered }: WeightMatrix,
  { outputsFirst, target }: { readonly outputsFirst: boolean; readonly target: SpellingTarget },
): { readonly data: string; readonly scale: string; readonly inputsFirst: boolean } {
  const [rows, columns] = outputsFirst ? shape : shape.toReversed() as [number, number];
  const data = `${name}.int8`;
  const scale = `${name}.scale`;
  target.store({
    weight: name,
    parts: [
      { name: data, dtype: "int8", shape: gathered ? [rows, columns] : [columns, rows] },
      { name: scale, dtype: "float32", shape: gathered ? [rows, 1] : [rows] },
    ],
    encode(elements) {
      const byRow = outputsFirst ? elements : transposed(elements, shape);
      const quantized = quantizeRows({ data: byRow, rows, columns });
      return [
        gathered ? quantized.data : transposed(quantized.data, [rows, columns]),
        quantized.scales,
      ];
    },
  });
  return { data, scale, inputsFirst: !gathered };
}

function integerProduct(product: Product, target: SpellingTarget): void {
  const { x, matrix, outputsFirst, output } = product;
  const { writer } = target;
  const stored = storeIntegers(matrix, { outputsFirst, target });
  // ONNX Runtime folds both when it loads the model.
  const perm = { attributes: { perm: { ints: [1, 0] } } };
  const weight = stored.inputsFirst ? stored.data : writer.node("Transpose", [stored.data], perm);
  const weightScale = stored.inputsFirst
    ? stored.scale
    : writer.node("Reshape", [stored.scale, writer.integers([-1])]);
  // All rows of a product share one scale. Where they differ widely, each is brought to the same size first.
  const size = product.normed ? undefined : rowSizes(writer, x);
  const even = size === undefined ? x : writer.node("Div", [x, size]);
  const [quantized, scale, zero] = writer.nodeOf(3, "DynamicQuantizeLinear", [even]) as [
    string,
    string,
    string,
  ];
  const sums = writer.node("MatMulInteger", [quantized, weight, zero]);
  const float = writer.node("Cast", [sums], { attributes: { to: { int: 1 } } });
  const scales = writer.node("Mul", [scale, weightScale]);
  if (size === undefined) writer.node("Mul", [float, scales], { output });
  else writer.node("Mul", [writer.node("Mul", [float, scales]), size], { output });
}

/** The largest element of each row; where that is zero, hardly more. */
function rowSizes(writer: NodeWriter, x: string): string {
  const largest = writer.node("ReduceMax", [writer.node("Abs", [x]), writer.integers([-1])]);
  return writer.node("Max", [largest, writer.floats(1e-30)]);
}

function integerLookup({ ids, matrix, output }: RowLookup, target: SpellingTarget): void {
  const { writer } = target;
  const { data, scale } = storeIntegers(matrix, { outputsFirst: true, target });
  const rows = writer.node("GatherND", [data, ids]);
  const float = writer.node("Cast", [rows], { attributes: { to: { int: 1 } } });
  writer.node("Mul", [float, writer.node("GatherND", [scale, ids])], { output });
}
