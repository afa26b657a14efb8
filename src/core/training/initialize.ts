/**
 * The weights of a model that is not trained yet.
 *
 * @module
 */

import { elementCount, type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { createRandom, deriveSeed } from "../../utils/random.ts";
import type { NamedTensor } from "./trainer.ts";

/** Yields fresh weights; each depends on the seed and its place alone. */
export function* initialWeights(model: LanguageModel, seed: number): Generator<NamedTensor, void> {
  for (const [index, { name, shape, init, initScale = 1 }] of model.weights.entries()) {
    const data = new Float32Array(elementCount(shape));
    if (init === "ones") {
      data.fill(1);
    } else if (init === "normal") {
      const random = createRandom(deriveSeed(seed, index));
      const deviation = model.initializerRange * initScale;
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * deviation;
    }
    const weight: Tensor<"float32"> = tensor("float32", shape, data);
    yield { name, tensor: weight };
  }
}
