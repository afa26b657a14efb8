/**
 * The forms in which a model's weights can be held while it generates, and which one suits a device.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";

/** Every form, from the most exact to the smallest. */
export const WEIGHT_TYPES = ["f32", "f16", "int8", "int4"] as const;

/**
 * A form of weights: float32; rounded to half precision; 8-bit integers; 4-bit integers in blocks where they do least
 * harm, else of 8 bits. With integers embeddings are in half precision, norms and biases in float32.
 */
export type WeightType = (typeof WEIGHT_TYPES)[number];

/** Every value of `--weights`: a form, or `auto` to have one chosen. */
export const WEIGHT_WISHES = ["auto", ...WEIGHT_TYPES] as const;

/** A form of weights, or `auto` to have one chosen. */
export type WeightWish = (typeof WEIGHT_WISHES)[number];

/** Below so many parameters a model is fast anyway, and feels rounding most. */
const SMALL_MODEL = 30_000_000;

/** What `auto` is for models that are not small. */
const SUITABLE: Readonly<Record<Device, WeightType>> = {
  webgpu: "int8",
  native: "int8",
  wasm: "int8",
};

/** Returns the form that `wish` means for a model of so many parameters on a device. */
export function chooseWeights(
  wish: WeightWish,
  { device, parameters }: { readonly device: Device; readonly parameters: number },
): WeightType {
  if (wish !== "auto") return wish;
  return parameters < SMALL_MODEL ? "f32" : SUITABLE[device];
}
