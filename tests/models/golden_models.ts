/**
 * Models with the numbers that `transformers` computes with them in float64.
 *
 * @module
 */

import type { Tensor } from "../../src/engine/tensor/tensor.ts";
import { createModel } from "../../src/models/architectures.ts";
import { openModelFolder } from "../../src/models/hub/folder.ts";
import type { LanguageModel } from "../../src/models/language_model.ts";
import { readWeights } from "../../src/models/weights.ts";
import { sharedData } from "../shared_data.ts";

/** Golden folders of the architectures that exist. */
export const GOLDEN_MODELS = [
  "gemma3",
  "gpt2",
  "gpt2_hub_names",
  "llama",
  "llama_bf16",
  "llama_biases_linear_rope",
  "llama_f16",
  "llama_tied_llama3_rope",
  "mistral",
  "phi3",
  "phi3_partial_rotary",
  "qwen2",
  "qwen2_yarn",
  "qwen3",
  "qwen3_sharded",
  "smollm2",
] as const;

/** Those that differ in what they compute, not only in how they are stored. */
export const DIFFERENT_MODELS: readonly string[] = GOLDEN_MODELS.filter((name) =>
  !/_(?:bf16|f16|sharded|hub_names)$/.test(name)
);

/** One batch with its logits. */
export interface GoldenCase {
  readonly name: string;
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly position_ids: readonly (readonly number[])[];
  /** null where a token is padding. */
  readonly logits: readonly (readonly (readonly number[] | null)[])[];
  readonly logit_scale: number;
}

/** The numbers of one model. */
export interface GoldenExpected {
  readonly cases: readonly GoldenCase[];
  readonly gradients: {
    readonly loss: number;
    readonly grad_norm: number;
    readonly tensors: Readonly<
      Record<string, { readonly l2: number; readonly sum: number; readonly first4: number[] }>
    >;
  };
  readonly greedy: readonly {
    readonly prompt_ids: readonly number[];
    readonly new_ids: readonly number[];
  }[];
}

/** A model with its weights. */
export interface ModelWithWeights {
  readonly model: LanguageModel;
  readonly weights: ReadonlyMap<string, Tensor<"float32">>;
}

/** Reads a model folder; `configName` may name another spelling of its config. */
export async function readModel(
  folder: string,
  configName = "config.json",
): Promise<ModelWithWeights> {
  using opened = await openModelFolder(folder);
  const model = createModel(JSON.parse(await Deno.readTextFile(`${folder}/${configName}`)));
  const weights = new Map<string, Tensor<"float32">>();
  for await (const { name, tensor } of readWeights(model, opened)) weights.set(name, tensor);
  return { model, weights };
}

/** Reads the numbers of a golden model. */
export function readExpected(folder: string): GoldenExpected {
  return JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));
}

/** Whether the golden models are there. */
export const goldenModels: string | undefined = sharedData("golden/models");
