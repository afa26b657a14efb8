/**
 * The exponential moving average of weights, which often generalises better than the weights themselves.
 *
 * @module
 */

import type { ElementRange } from "./update_step.ts";

/** The name under which the average is kept beside what an optimizer keeps. */
export const EMA_SLOT = "ema";

/** Moves a range of `average` towards `weights` by the part `1 − decay` of the way. */
export function updateEma(
  { average, weights }: { readonly average: Float32Array; readonly weights: Float32Array },
  { range: { from, to }, decay }: { readonly range: ElementRange; readonly decay: number },
): void {
  const rise = 1 - decay;
  for (let i = from; i < to; i++) average[i]! += (weights[i]! - average[i]!) * rise;
}
