/**
 * How operators of inference are written in ONNX: by the fused kernels of ONNX Runtime.
 *
 * @module
 */

import { MICROSOFT_DOMAIN } from "../onnx/model.ts";
import { ofIntegers } from "./export_frozen.ts";
import type { Writer } from "./export_writer.ts";
import type { ValueOf } from "./value.ts";

/** Lets ONNX Runtime round the other factor to 8 bits by block, several times faster where it can. */
const ACCURACY_LEVEL = 4;

/** Writes attention that appends to its cache. */
export function exportCachedAttention(
  { inputs, attributes: { numHeads, scale, window } }: ValueOf<"CachedAttention">,
  writer: Writer,
): string {
  const [features, pastKey, ...rest] = inputs.map((input) => writer.nameOf(input));
  const rotates = inputs.length > 5;
  return writer.node("GroupQueryAttention", [features!, "", "", pastKey!, ...rest], {
    domain: MICROSOFT_DOMAIN,
    alsoMakes: ["key", "value"],
    attributes: {
      num_heads: { int: numHeads },
      kv_num_heads: { int: inputs[1]!.shape[1] as number },
      scale: { float: scale },
      do_rotary: { int: Number(rotates) },
      local_window_size: { int: window ?? -1 },
    },
  });
}

/** Names a further output of that attention. */
export function exportCacheOf(
  { inputs: [attention], attributes: { part } }: ValueOf<"CacheOf">,
  writer: Writer,
): string {
  return `${writer.nameOf(attention!)}.${part}`;
}

/** Writes a part of an axis that is known when the graph runs. */
export function exportSliceAt(
  { inputs: [x, at], attributes: { axis, part } }: ValueOf<"SliceAt">,
  writer: Writer,
): string {
  const bounds = part === "before"
    ? [writer.integers([0]), writer.nameOf(at!)]
    : [writer.nameOf(at!), writer.integers([Number.MAX_SAFE_INTEGER])];
  return writer.node("Slice", [writer.nameOf(x!), ...bounds, writer.integers([axis])]);
}

/** Writes the product with a matrix whose columns are rounded to 8 bits. */
export function exportRowQuantizedLinear(
  { inputs: [x, weight, scales] }: ValueOf<"RowQuantizedLinear">,
  writer: Writer,
): string {
  if (writer.target === "gpu") {
    throw new Error("Internal: GPUs multiply matrices that are quantised in blocks, not in rows");
  }
  const matrix = {
    weight: writer.nameOf(weight!),
    scales: writer.nameOf(scales!),
    stored: "int8" as const,
  };
  return ofIntegers(writer.nameOf(x!), matrix, writer);
}

/** Writes the product with a matrix that is rounded in blocks. */
export function exportBlockQuantizedLinear(
  { inputs, attributes: { bits, blockSize, inFeatures } }: ValueOf<"BlockQuantizedLinear">,
  writer: Writer,
): string {
  const weight = inputs[1]!;
  return writer.node("MatMulNBits", inputs.map((input) => writer.nameOf(input)), {
    domain: MICROSOFT_DOMAIN,
    attributes: {
      K: { int: inFeatures },
      N: { int: weight.shape[0] as number },
      bits: { int: bits },
      block_size: { int: blockSize },
      accuracy_level: { int: ACCURACY_LEVEL },
    },
  });
}
