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

/** How much narrower than its extremes the range of a block may be drawn: four bits are few, and outliers rare. */
const SHRINKS: Readonly<Record<BlockBits, readonly number[]>> = {
  4: [1, 0.95, 0.9, 0.85, 0.8, 0.75],
  8: [1],
};

/** A scale, a zero point and how far off they leave the elements of a block. */
interface Fit {
  readonly scale: number;
  readonly zero: number;
  readonly error: number;
}

/**
 * Rounds a matrix [rows, inFeatures]: of some ranges for each block, that with the smallest squared error is taken.
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
  const put = (target: Uint8Array, start: number, at: { index: number; value: number }) => {
    if (bits === 8) target[start + at.index] = at.value;
    else target[start + (at.index >> 1)]! |= at.value << (at.index & 1 ? 4 : 0);
  };
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * inFeatures + block * blockSize;
      const elements = data.subarray(start, Math.min(start + blockSize, (row + 1) * inFeatures));
      const { scale, zero } = fitBlock(elements, bits);
      const place = row * blocks + block;
      scales[place] = scale;
      put(zeroPoints, row * rowBytes, { index: block, value: zero });
      for (let i = 0; i < blockSize; i++) {
        const value = i < elements.length ? rounded(elements[i]!, { scale, zero, bits }) : zero;
        put(weight, place * blockBytes, { index: i, value });
      }
    }
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

function fitBlock(elements: Float32Array, bits: BlockBits): Pick<Fit, "scale" | "zero"> {
  const top = 2 ** bits - 1;
  let [low, high] = [0, 0];
  for (const element of elements) {
    if (!Number.isFinite(element)) {
      throw new TypeError("Cannot quantise a matrix: it has an element that is not finite");
    }
    if (element < low) low = element;
    if (element > high) high = element;
  }
  if (low === high) return { scale: 1, zero: top >> 1 };
  let best: Fit | undefined;
  for (const shrinkLow of SHRINKS[bits]) {
    for (const shrinkHigh of SHRINKS[bits]) {
      const range = high * shrinkHigh - low * shrinkLow;
      if (range <= 0) continue;
      const scale = Math.fround(range / top);
      const zero = Math.min(top, Math.max(0, Math.round(-low * shrinkLow / scale)));
      let error = 0;
      for (const element of elements) {
        const off = (rounded(element, { scale, zero, bits }) - zero) * scale - element;
        error += off * off;
      }
      if (best === undefined || error < best.error) best = { scale, zero, error };
    }
  }
  return best ?? { scale: 1, zero: top >> 1 };
}

function rounded(
  element: number,
  { scale, zero, bits }: {
    readonly scale: number;
    readonly zero: number;
    readonly bits: BlockBits;
  },
): number {
  const value = Math.floor(element / scale + zero + 0.5);
  const top = 2 ** bits - 1;
  return value < 0 ? 0 : value > top ? top : value;
}
