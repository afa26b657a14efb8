/**
 * Dropout by masks that the host draws, so that every device leaves out the same and a resumed run does too.
 *
 * @module
 */

import { cast, input, mul, scalar } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import { elementCount, type Tensor } from "../../engine/tensor/tensor.ts";
import { createRandom, deriveSeed } from "../../utils/random.ts";

/** What the names of masks begin with; their number follows. */
const MASK = "dropout.";

/** Returns a function that leaves out a part `rate` of a value; layers that read one value share its mask. */
export function dropoutValues(
  rate: number,
  dtype: "uint8" | "float32",
): ((x: Value) => Value) | undefined {
  if (rate === 0) return undefined;
  const dropped = new Map<Value, Value>();
  return (x) => {
    const known = dropped.get(x);
    if (known !== undefined) return known;
    const mask = cast(input(`${MASK}${dropped.size}`, dtype, x.shape), "float32");
    const value = mul(x, mul(mask, scalar(1 / (1 - rate))));
    dropped.set(x, value);
    return value;
  };
}

/** The masks that a graph wants. */
export interface DropoutMasks {
  /** Draws them; equal seeds draw equal masks. */
  draw(seed: number): Record<string, Tensor>;
}

/** Returns the masks that a graph with these inputs wants. */
export function dropoutMasks(
  { inputs }: Pick<OnnxModel, "inputs">,
  rate: number,
): DropoutMasks {
  const wanted = inputs.filter(({ name }) => name.startsWith(MASK));
  return {
    draw: (seed) =>
      Object.fromEntries(wanted.map(({ name, shape, dtype }) => {
        const index = Number(name.slice(MASK.length));
        const random = createRandom(deriveSeed(seed, index));
        const size = elementCount(shape as readonly number[]);
        const data = dtype === "uint8" ? new Uint8Array(size) : new Float32Array(size);
        // Two elements from each word of randomness, with a rate to 16 bits.
        const limit = Math.round(rate * 2 ** 16);
        for (let i = 0; i < size; i += 2) {
          const word = random.word();
          data[i] = (word & 0xffff) >= limit ? 1 : 0;
          if (i + 1 < size) data[i + 1] = (word >>> 16) >= limit ? 1 : 0;
        }
        return [name, { dtype, shape: shape as readonly number[], data } as Tensor];
      })),
  };
}
