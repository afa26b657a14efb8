/**
 * The weights that an adapter starts from: as PEFT has them, an update of zero.
 *
 * @module
 */

import { elementCount, type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { createRandom, deriveSeed } from "../../utils/random.ts";
import type { Projection } from "../language_model.ts";
import type { NamedWeight } from "../weights.ts";
import { type AdapterLayout, loraNames } from "./weights.ts";

/** Options of {@linkcode initialAdapter}. */
export interface InitialAdapterOptions {
  /** Decides the narrowing matrices; each depends on the seed and its place alone. */
  readonly seed: number;
  /** Returns a weight of the base model. */
  readonly base: (name: string) => Tensor<"float32">;
}

/** Yields the weights of a fresh adapter in the order of its layout. */
export function* initialAdapter(
  { targets, saved, weights }: AdapterLayout,
  { seed, base }: InitialAdapterOptions,
): Generator<NamedWeight, void> {
  const matrixOf = new Map<string, Projection>();
  for (const { projection } of targets) {
    matrixOf.set(loraNames(projection.name).magnitude, projection);
  }
  const baseName = new Map([...saved].map(([name, savedName]) => [savedName, name]));
  for (const [index, { name, shape, init }] of weights.entries()) {
    const original = baseName.get(name);
    const projection = matrixOf.get(name);
    if (original !== undefined) {
      yield { name, tensor: base(original) };
    } else if (projection !== undefined) {
      yield { name, tensor: rowLengths(base(`${projection.name}.weight`), projection) };
    } else {
      const data = new Float32Array(elementCount(shape));
      // Kaiming's uniform distribution with a = √5, PyTorch's for linear layers: ±1/√inFeatures.
      if (init === "normal") {
        const random = createRandom(deriveSeed(seed, index));
        const bound = 1 / Math.sqrt(shape[1]!);
        for (let i = 0; i < data.length; i++) data[i] = (2 * random.next() - 1) * bound;
      }
      yield { name, tensor: tensor("float32", shape, data) };
    }
  }
}

/** Returns the length of each of the rows [outFeatures, inFeatures] of a matrix. */
function rowLengths(
  { data }: Tensor<"float32">,
  { inFeatures, outFeatures, transposed }: Projection,
): Tensor<"float32"> {
  const lengths = new Float32Array(outFeatures);
  for (let row = 0; row < outFeatures; row++) {
    let squares = 0;
    for (let column = 0; column < inFeatures; column++) {
      const element = data[transposed ? column * outFeatures + row : row * inFeatures + column]!;
      squares += element * element;
    }
    lengths[row] = Math.sqrt(squares);
  }
  return tensor("float32", [outFeatures], lengths);
}
