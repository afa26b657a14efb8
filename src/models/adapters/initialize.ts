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
  /** Returns the weights of the base model; called only if some are needed. */
  readonly base: () => AsyncIterable<NamedWeight>;
  /** Name of the base model's output matrix, which one that is tied no more starts from. */
  readonly outputWeight: string;
}

/** Yields the weights of a fresh adapter in the order of its layout. */
export async function* initialAdapter(
  layout: AdapterLayout,
  options: InitialAdapterOptions,
): AsyncGenerator<NamedWeight, void> {
  const fromBase = await weightsFromBase(layout, options);
  for (const [index, { name, shape, init }] of layout.weights.entries()) {
    const known = fromBase.get(name);
    if (known !== undefined) {
      yield { name, tensor: known };
      continue;
    }
    const data = new Float32Array(elementCount(shape));
    // Kaiming's uniform distribution with a = √5, PyTorch's for linear layers: ±1/√inFeatures.
    if (init === "normal") {
      const random = createRandom(deriveSeed(options.seed, index));
      const bound = 1 / Math.sqrt(shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = (2 * random.next() - 1) * bound;
    }
    yield { name, tensor: tensor("float32", shape, data) };
  }
}

/** Returns, by their names in the adapter, the weights that start from the base model's. */
async function weightsFromBase(
  { targets, saved, weights, outputWeight }: AdapterLayout,
  options: InitialAdapterOptions,
): Promise<Map<string, Tensor<"float32">>> {
  const wanted = new Set(weights.map(({ name }) => name));
  const magnitudes = new Map<string, Projection>();
  for (const { projection } of targets) {
    const { magnitude } = loraNames(projection.name);
    if (wanted.has(magnitude)) magnitudes.set(`${projection.name}.weight`, projection);
  }
  const found = new Map<string, Tensor<"float32">>();
  if (magnitudes.size === 0 && saved.size === 0) return found;
  for await (const { name, tensor } of options.base()) {
    const projection = magnitudes.get(name);
    if (projection !== undefined) {
      found.set(loraNames(projection.name).magnitude, rowLengths(tensor, projection));
    }
    const savedName = saved.get(name);
    if (savedName !== undefined) found.set(savedName, tensor);
    const untied = saved.get(outputWeight);
    if (name === options.outputWeight && name !== outputWeight && untied !== undefined) {
      found.set(untied, tensor);
    }
  }
  return found;
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
