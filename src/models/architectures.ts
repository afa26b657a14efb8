/**
 * The architectures by the name that checkpoints give them.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { createGemma3 } from "./gemma3.ts";
import { createGpt2 } from "./gpt2.ts";
import type { LanguageModel } from "./language_model.ts";
import { createLlama } from "./llama.ts";
import { createMistral } from "./mistral.ts";
import { createPhi3 } from "./phi3.ts";
import { createQwen2 } from "./qwen2.ts";
import { createQwen3 } from "./qwen3.ts";

/** Makes a model from its `config.json`. */
export type ModelFactory = (json: Readonly<Record<string, unknown>>) => LanguageModel;

/** Every architecture, by `model_type`. */
export const ARCHITECTURES: Readonly<Record<string, ModelFactory>> = {
  gemma3_text: createGemma3,
  gpt2: createGpt2,
  llama: createLlama,
  mistral: createMistral,
  phi3: createPhi3,
  qwen2: createQwen2,
  qwen3: createQwen3,
};

/**
 * Makes the model that a `config.json` describes.
 *
 * @throws {UserError} If its architecture is unknown, a key is wrong, or one is not understood.
 */
export function createModel(json: Readonly<Record<string, unknown>>): LanguageModel {
  const type = json["model_type"];
  const create = typeof type === "string" && Object.hasOwn(ARCHITECTURES, type)
    ? ARCHITECTURES[type]
    : undefined;
  if (create === undefined) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    throw new UserError(
      `Cannot use model: "model_type" of config.json is ${
        JSON.stringify(type)
      }; supported are ${known}`,
    );
  }
  return create(json);
}
