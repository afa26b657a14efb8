/**
 * Rotations that spread outliers: a few elements of hidden states are much larger than the rest, and rounding them all
 * to 8 bits by the largest would leave little of the others. Multiplying each block of elements by an orthogonal matrix
 * of ±1 (a Hadamard matrix, scaled) makes a block's elements alike in size. Where both factors of a product are rotated,
 * the product is what it was.
 *
 * @module
 */

import { type Tensor, tensor } from "./tensor.ts";

/** Larger blocks spread better and cost more. */
const LARGEST_BLOCK = 64;

/** Returns how many elements of a row of `width` are rotated together: 1 where none are. */
export function rotationBlock(width: number): number {
  let block = 1;
  while (block < LARGEST_BLOCK && width % (2 * block) === 0) block *= 2;
  return block;
}

/** Rotates each block of `row` in place; rotating twice gives back what was there. */
export function rotateRow(row: Float32Array): void {
  const block = rotationBlock(row.length);
  for (let half = 1; half < block; half *= 2) {
    for (let start = 0; start < row.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [a, b] = [row[i]!, row[i + half]!];
        row[i] = a + b;
        row[i + half] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(block);
  for (let i = 0; i < row.length; i++) row[i]! *= scale;
}

/** Returns the matrix that rotates a block of a row of `width`; it is symmetric and its own inverse. */
export function rotationMatrix(width: number): Tensor<"float32"> {
  const block = rotationBlock(width);
  const known = matrices.get(block);
  if (known !== undefined) return known;
  const data = new Float32Array(block * block);
  for (let row = 0; row < block; row++) {
    const turned = new Float32Array(block);
    turned[row] = 1;
    rotateRow(turned);
    data.set(turned, row * block);
  }
  const matrix = tensor("float32", [block, block], data);
  matrices.set(block, matrix);
  return matrix;
}

/** By block; there are few, and graphs that hold the same one are found to be alike. */
const matrices = new Map<number, Tensor<"float32">>();
