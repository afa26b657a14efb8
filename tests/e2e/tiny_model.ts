/**
 * A random model and rows of token ids, so small that a run over them takes a second.
 *
 * @module
 */

import { initialWeights } from "../../src/core/training/initialize.ts";
import { createModel } from "../../src/models/architectures.ts";
import { saveModelFolder } from "../../src/models/hub/save_model.ts";
import { createRandom } from "../../src/utils/random.ts";

/** Token ids of the model. */
export const VOCABULARY = 64;

/** The model's `config.json`. */
export const TINY_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: VOCABULARY,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  hidden_act: "silu",
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
} as const;

/** Options of {@linkcode writeTinyModel}. */
export interface TinyModelOptions {
  /** Changes one weight's elements before they are written. */
  readonly change?: (name: string, data: Float32Array) => void;
}

/** Writes the model's folder to `path` and returns it. */
export async function writeTinyModel(
  path: string,
  { change }: TinyModelOptions = {},
): Promise<string> {
  const tensors = [...initialWeights(createModel(TINY_CONFIG), 7)]
    .map(({ name, tensor }) => {
      change?.(name, tensor.data as Float32Array);
      return [name, tensor] as const;
    });
  await saveModelFolder({ path, config: TINY_CONFIG, tensors, tokenizerFiles: new Map() });
  return path;
}

/** Writes a data set of `count` rows of token ids, of several lengths, to `path` and returns it. */
export async function writeTokenRows(path: string, count: number): Promise<string> {
  const random = createRandom(11);
  const rows = Array.from({ length: count }, () => {
    const length = 6 + random.integer(11);
    const ids = Array.from({ length }, () => random.integer(VOCABULARY));
    return JSON.stringify({ input_ids: ids, labels: ids.map((id, i) => i < 2 ? -100 : id) });
  });
  await Deno.writeTextFile(path, `${rows.join("\n")}\n`);
  return path;
}
