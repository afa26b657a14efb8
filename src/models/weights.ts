/**
 * Reading a model's weights from a folder: every weight it needs, in the shape it needs, and none that it ignores.
 *
 * @module
 */

import type { Tensor } from "../engine/tensor/tensor.ts";
import { UserError } from "../utils/errors.ts";
import type { ModelFolder } from "./hub/folder.ts";
import type { LanguageModel } from "./language_model.ts";

/** A weight with its name. */
export interface NamedWeight {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Its elements. */
  readonly tensor: Tensor<"float32">;
}

/** Stored tensors that follow from `config.json`: rotary frequencies, and the causal masks of old GPT-2 files. */
const DERIVED = /\.rotary_emb\.inv_freq$|(?:^|\.)h\.\d+\.attn\.(?:masked_)?bias$/;

/**
 * Yields the weights of `model` in its order.
 *
 * @throws {UserError} If one is missing, has another shape, or is stored that the model would ignore.
 */
export async function* readWeights(
  model: LanguageModel,
  folder: ModelFolder,
): AsyncGenerator<NamedWeight, void> {
  const stored = new Set(folder.weightNames);
  const known = new Set(model.weights.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  const surplus = folder.weightNames.find((name) => !known.has(name) && !DERIVED.test(name));
  if (surplus !== undefined) {
    throw new UserError(
      `Cannot use model "${folder.path}": it stores "${surplus}", which a ${model.modelType} with its config.json does not have`,
    );
  }
  for (const { name, shape, aliases = [] } of model.weights) {
    const storedName = [name, ...aliases].find((each) => stored.has(each)) ?? name;
    yield { name, tensor: await folder.readWeight(storedName, shape) };
  }
}
