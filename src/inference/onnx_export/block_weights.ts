/**
 * Weights as 4-bit integers in blocks, as GGUF's Q4_0 has them: small files, and fast on GPUs.
 *
 * @module
 */

import { MICROSOFT_DOMAIN } from "../../engine/onnx/model.ts";
import { BLOCK_SIZE, type BlockBits, quantizeBlocks } from "./quantize.ts";
import { transposed } from "./transposed.ts";
import { storePlain } from "./unquantized.ts";
import type {
  Product,
  RowLookup,
  SpellingTarget,
  WeightMatrix,
  WeightSpelling,
} from "./weight_spelling.ts";

/** The spelling of weights with a factor for each block of input features. */
export const BLOCK_WEIGHTS: WeightSpelling = {
  plainDtype: "float32",
  product: blockProduct,
  lookup: blockLookup,
};

/** Stores integers with a factor for each block of input features. */
function storeBlocks(
  { name, shape }: WeightMatrix,
  { bits, outputsFirst, target }: {
    readonly bits: BlockBits;
    readonly outputsFirst: boolean;
    readonly target: SpellingTarget;
  },
): { readonly data: string; readonly scales: string; readonly blocks: number } {
  const [rows, columns] = outputsFirst ? shape : shape.toReversed() as [number, number];
  const blocks = Math.ceil(columns / BLOCK_SIZE);
  const data = `${name}.q${bits}`;
  const scales = `${name}.scales`;
  target.store({
    weight: name,
    parts: [
      { name: data, dtype: "uint8", shape: [rows, blocks * BLOCK_SIZE * bits / 8] },
      { name: scales, dtype: "float32", shape: [rows, blocks] },
    ],
    encode(elements) {
      const byRow = outputsFirst ? elements : transposed(elements, shape);
      const quantized = quantizeBlocks({ data: byRow, rows, columns }, { bits });
      return [quantized.data, quantized.scales];
    },
  });
  return { data, scales, blocks };
}

/** Logits and embeddings feel a rounding most, so their matrices keep 8 bits. */
function bitsOf({ gathered, isOutput }: WeightMatrix): BlockBits {
  return gathered || isOutput ? 8 : 4;
}

function blockProduct(product: Product, target: SpellingTarget): void {
  const { x, matrix, outputsFirst, output } = product;
  const { writer } = target;
  const bits = bitsOf(matrix);
  const [outFeatures, inFeatures] = outputsFirst
    ? matrix.shape
    : matrix.shape.toReversed() as [number, number];
  const { data, scales, blocks } = storeBlocks(matrix, { bits, outputsFirst, target });
  const shape = writer.integers([outFeatures, blocks, BLOCK_SIZE * bits / 8]);
  const flatScales = writer.node("Reshape", [scales, writer.integers([-1])]);
  writer.node("MatMulNBits", [x, writer.node("Reshape", [data, shape]), flatScales], {
    output,
    domain: MICROSOFT_DOMAIN,
    attributes: {
      K: { int: inFeatures },
      N: { int: outFeatures },
      bits: { int: bits },
      block_size: { int: BLOCK_SIZE },
      accuracy_level: { int: ACCURACY_LEVEL },
    },
  });
}

/** Lets ONNX Runtime round the other factor to 8 bits by block, several times faster where it can. */
const ACCURACY_LEVEL = 4;

function blockLookup(lookup: RowLookup, target: SpellingTarget): void {
  const { ids, matrix, output } = lookup;
  const { writer } = target;
  if (matrix.shape[1] % BLOCK_SIZE !== 0) {
    const plain = storePlain(matrix, { dtype: "float32", target });
    writer.node("GatherND", [plain, ids], { output });
    return;
  }
  // ONNX Runtime has GatherBlockQuantized for this, but not for WebAssembly in its build with WebGPU.
  const { data, scales, blocks } = storeBlocks(matrix, { bits: 8, outputsFirst: true, target });
  const integers = writer.node("Cast", [writer.node("GatherND", [data, ids])], {
    attributes: { to: { int: 1 } },
  });
  const centred = writer.node("Sub", [integers, writer.floats(128)]);
  const blocked = writer.node("Reshape", [centred, writer.integers([0, 0, blocks, BLOCK_SIZE])]);
  const factors = writer.node("Unsqueeze", [
    writer.node("GatherND", [scales, ids]),
    writer.integers([-1]),
  ]);
  const product = writer.node("Mul", [blocked, factors]);
  writer.node("Reshape", [product, writer.integers([0, 0, matrix.shape[1]])], { output });
}
