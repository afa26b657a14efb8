/**
 * Matrices whose rows are stored as small integers in blocks, each with a scale and a zero point of its own.
 *
 * @module
 */

import { type Tensor, tensor } from "./tensor.ts";

/** Bits of an element. */
export type BlockBits = 4 | 8;

/** A matrix that is rounded in blocks. */
export interface QuantizedBlocks {
  /** Bits of an element. */
  readonly bits: BlockBits;
  /** Elements of a block. */
  readonly blockSize: number;
  /** Width of a row. */
  readonly inFeatures: number;
  /** [rows, blocks, blockSize · bits / 8]; of two elements in a byte, the first is the lower half. */
  readonly weight: Tensor<"uint8">;
  /** [rows · blocks]. */
  readonly scales: Tensor<"float32">;
  /** [rows · ⌈blocks · bits / 8⌉], packed as elements are. */
  readonly zeroPoints: Tensor<"uint8">;
}

/** Options of {@linkcode quantizeBlocks}. */
export interface QuantizeBlocksOptions {
  /** Bits of an element. */
  readonly bits: BlockBits;
  /** Elements of a block. @default {32} */
  readonly blockSize?: number;
}

/**
 * Rounds a matrix [rows, inFeatures], from the smallest to the largest element of each block and 0. (A narrower range with
 * a smaller squared error makes models worse: their few large elements matter most.)
 *
 * @throws {TypeError} If an element is not finite.
 */
export function quantizeBlocks(
  { shape, data }: Tensor<"float32">,
  { bits, blockSize = 32 }: QuantizeBlocksOptions,
): QuantizedBlocks {
  const [rows, inFeatures] = shape as [number, number];
  const blocks = Math.ceil(inFeatures / blockSize);
  const blockBytes = blockSize * bits / 8;
  const rowBytes = Math.ceil(blocks * bits / 8);
  const weight = new Uint8Array(rows * blocks * blockBytes);
  const scales = new Float32Array(rows * blocks);
  const zeroPoints = new Uint8Array(rows * rowBytes);
  const top = 2 ** bits - 1;
  const integers = new Uint8Array(blockSize);
  for (let row = 0; row < rows; row++) {
    const zeros = new Uint8Array(blocks);
    for (let block = 0; block < blocks; block++) {
      const start = row * inFeatures + block * blockSize;
      const end = Math.min(start + blockSize, (row + 1) * inFeatures);
      const { scale, zero } = fitBlock(data.subarray(start, end), top);
      const place = row * blocks + block;
      scales[place] = scale;
      zeros[block] = zero;
      integers.fill(zero);
      for (let at = start; at < end; at++) {
        const value = Math.floor(data[at]! / scale + zero + 0.5);
        integers[at - start] = value < 0 ? 0 : value > top ? top : value;
      }
      weight.set(packed(integers, bits), place * blockBytes);
    }
    zeroPoints.set(packed(zeros, bits), row * rowBytes);
  }
  return {
    bits,
    blockSize,
    inFeatures,
    weight: tensor("uint8", [rows, blocks, blockBytes], weight),
    scales: tensor("float32", [rows * blocks], scales),
    zeroPoints: tensor("uint8", [rows * rowBytes], zeroPoints),
  };
}

/** The scale and the zero point with which integers up to `top` reach from the smallest element to the largest. */
function fitBlock(
  elements: Float32Array,
  top: number,
): { readonly scale: number; readonly zero: number } {
  let [low, high] = [0, 0];
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i]!;
    if (element < low) low = element;
    // Not `>`, which would pass over a NaN.
    if (!(element <= high)) high = element;
  }
  if (!Number.isFinite(high - low)) {
    throw new TypeError("Cannot quantise a matrix: it has an element that is not finite");
  }
  if (low === high) return { scale: 1, zero: 0 };
  const scale = Math.fround((high - low) / top);
  return { scale, zero: Math.min(top, Math.max(0, Math.round(-low / scale))) };
}

/** Returns integers in bytes: of two of 4 bits, the first is the lower half. */
function packed(integers: Uint8Array, bits: BlockBits): Uint8Array {
  if (bits === 8) return integers;
  const bytes = new Uint8Array(Math.ceil(integers.length / 2));
  for (let i = 0; i < integers.length; i++) bytes[i >> 1]! |= integers[i]! << (i & 1 ? 4 : 0);
  return bytes;
}
