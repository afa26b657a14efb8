/**
 * The norm of gradients, summed in blocks.
 *
 * @module
 */

/** Elements whose gradients are summed on their own, so that the sum does not depend on how threads share them. */
export const NORM_BLOCK = 1 << 16;

/** Returns the sum of squares of the elements `from` to before `to`. */
export function sumOfSquares(
  gradients: Float32Array,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  // Four sums, because an addition has to wait for the one before it.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = from;
  for (; i + 3 < to; i += 4) {
    a += gradients[i]! * gradients[i]!;
    b += gradients[i + 1]! * gradients[i + 1]!;
    c += gradients[i + 2]! * gradients[i + 2]!;
    d += gradients[i + 3]! * gradients[i + 3]!;
  }
  for (; i < to; i++) a += gradients[i]! * gradients[i]!;
  return a + b + c + d;
}
