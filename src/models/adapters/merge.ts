/**
 * An adapter's updates put into the matrices that they belong to.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../language_model.ts";
import type { NamedWeight } from "../weights.ts";
import type { LoraConfig } from "./lora_config.ts";
import type { LoraTarget } from "./targets.ts";
import { adapterLayout, loraNames } from "./weights.ts";

/** What {@linkcode mergeAdapter} reads. */
export interface MergeInputs {
  /** The base model. */
  readonly model: LanguageModel;
  /** Settings of the adapter. */
  readonly config: LoraConfig;
  /** Returns a weight of the adapter. */
  readonly adapterWeight: (name: string) => Promise<Tensor<"float32">> | Tensor<"float32">;
  /** The weights of the base model; their arrays are left as they are. */
  readonly base: AsyncIterable<NamedWeight> | Iterable<NamedWeight>;
}

/** Yields the weights of a model with an adapter's updates in them; an output matrix that was tied comes last. */
export async function* mergeAdapter(inputs: MergeInputs): AsyncGenerator<NamedWeight, void> {
  const { model, config, adapterWeight } = inputs;
  const { targets, saved } = adapterLayout(model, config);
  const targetOf = new Map(
    targets.map((target) => [`${target.projection.name}.weight`, target]),
  );
  const left = new Map(saved);
  for await (const { name, tensor } of inputs.base) {
    const target = targetOf.get(name);
    const savedName = saved.get(name);
    left.delete(name);
    if (savedName !== undefined) yield { name, tensor: await adapterWeight(savedName) };
    else if (target === undefined) yield { name, tensor };
    else yield { name, tensor: await mergedMatrix(tensor, { target, config, adapterWeight }) };
  }
  for (const [name, savedName] of left) yield { name, tensor: await adapterWeight(savedName) };
}

async function mergedMatrix(
  matrix: Tensor<"float32">,
  { target, config, adapterWeight }: {
    readonly target: LoraTarget;
    readonly config: LoraConfig;
    readonly adapterWeight: MergeInputs["adapterWeight"];
  },
): Promise<Tensor<"float32">> {
  const { projection: { name, inFeatures, outFeatures, transposed }, rank, scale } = target;
  const names = loraNames(name);
  const a = (await adapterWeight(names.a)).data;
  const b = (await adapterWeight(names.b)).data;
  const magnitude = config.useDora ? (await adapterWeight(names.magnitude)).data : undefined;
  const data = matrix.data.slice();
  // Where element (row, column) of [outFeatures, inFeatures] lies.
  const rowStep = transposed ? 1 : inFeatures;
  const columnStep = transposed ? outFeatures : 1;
  const update = new Float64Array(inFeatures);
  for (let row = 0; row < outFeatures; row++) {
    update.fill(0);
    for (let i = 0; i < rank; i++) {
      const factor = scale * b[row * rank + i]!;
      if (factor === 0) continue;
      const from = i * inFeatures;
      for (let column = 0; column < inFeatures; column++) {
        update[column]! += factor * a[from + column]!;
      }
    }
    const start = row * rowStep;
    let squares = 0;
    for (let column = 0; column < inFeatures; column++) {
      const element = data[start + column * columnStep]! + update[column]!;
      update[column] = element;
      squares += element * element;
    }
    const factor = magnitude === undefined ? 1 : magnitude[row]! / Math.sqrt(squares);
    for (let column = 0; column < inFeatures; column++) {
      data[start + column * columnStep] = factor * update[column]!;
    }
  }
  return tensor("float32", matrix.shape, data);
}
