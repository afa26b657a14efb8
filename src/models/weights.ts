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

/** The name under which a tied matrix may be stored instead of its own. */
const TIED_ALIASES: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "lm_head.weight",
};

/** Stored tensors that follow from `config.json`. */
const DERIVED = /\.rotary_emb\.inv_freq$/;

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
  const tied = !model.weights.some(({ name }) => name === "lm_head.weight");
  const known = new Set(model.weights.map(({ name }) => name));
  if (tied) { for (const alias of Object.values(TIED_ALIASES)) known.add(alias); }
  const surplus = folder.weightNames.find((name) => !known.has(name) && !DERIVED.test(name));
  if (surplus !== undefined) {
    throw new UserError(
      `Cannot use model "${folder.path}": it stores "${surplus}", which a ${model.modelType} with its config.json does not have`,
    );
  }
  for (const { name, shape } of model.weights) {
    const alias = tied ? TIED_ALIASES[name] : undefined;
    const storedName = !stored.has(name) && alias !== undefined && stored.has(alias) ? alias : name;
    yield { name, tensor: await folder.readWeight(storedName, shape) };
  }
}
