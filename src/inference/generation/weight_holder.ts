/**
 * Where a model's weights lie: inside the compiled model, which may rearrange them, or outside of it, from where `native`
 * reads them in place.
 *
 * @module
 */

import { constant, input } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { Device } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";

/** A compiled model is one message of protocol buffers, which end at 2 GiB. */
const MOST_INSIDE_BYTES = 1.9e9;

/** Smaller weights, such as norms, are not worth an input. */
const SMALL_BYTES = 2 ** 20;

/** Makes weights values of a graph. */
export interface WeightHolder {
  /** What every run has to be given, by name. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Whether a weight of so many bytes has room inside. */
  fits(bytes: number): boolean;
  /** Puts a weight inside, if it has room there. */
  hold(weight: Tensor): Value;
  /** Leaves a weight outside, where `device` reads it there: one of which a few rows are looked up gains nothing inside. */
  leaveOutside(weight: Tensor): Value;
}

/** Creates a holder without weights. */
export function createWeightHolder(device: Device): WeightHolder {
  const feeds: Record<string, Tensor> = {};
  let inside = 0;
  const outside = (weight: Tensor): Value => {
    const name = `weight.${Object.keys(feeds).length}`;
    feeds[name] = weight;
    return input(name, weight.dtype, weight.shape);
  };
  const fits = (bytes: number): boolean =>
    device !== "native" || bytes < SMALL_BYTES || inside + bytes <= MOST_INSIDE_BYTES;
  const hold = (weight: Tensor): Value => {
    const { byteLength } = weight.data;
    if (!fits(byteLength)) return outside(weight);
    inside += byteLength;
    return constant(weight);
  };
  return {
    feeds,
    fits,
    hold,
    leaveOutside: (weight) =>
      device === "native" && weight.data.byteLength >= SMALL_BYTES ? outside(weight) : hold(weight),
  };
}
