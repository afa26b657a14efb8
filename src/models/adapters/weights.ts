/**
 * The weights of an adapter, spelled as PEFT spells them.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { createModel } from "../architectures.ts";
import type { LanguageModel, WeightSpec } from "../language_model.ts";
import type { LoraConfig } from "./lora_config.ts";
import { type LoraTarget, loraTargets } from "./targets.ts";

/** What PEFT puts before the names of a model's modules. */
const PREFIX = "base_model.model.";

/** What a linear layer's update is called in an adapter's file. */
export interface LoraNames {
  /** The matrix that narrows, [rank, inFeatures]. */
  readonly a: string;
  /** The matrix that widens, [outFeatures, rank]. */
  readonly b: string;
  /** Lengths of the rows, [outFeatures]; DoRA only. */
  readonly magnitude: string;
}

/** Returns what the update of the linear layer `module` is called. */
export function loraNames(module: string): LoraNames {
  return {
    a: `${PREFIX}${module}.lora_A.weight`,
    b: `${PREFIX}${module}.lora_B.weight`,
    magnitude: `${PREFIX}${module}.lora_magnitude_vector`,
  };
}

/** What an adapter consists of. */
export interface AdapterLayout {
  /** The linear layers that are adapted. */
  readonly targets: readonly LoraTarget[];
  /** Weights of the model that are trained whole, and what each is called in the adapter's file. */
  readonly saved: ReadonlyMap<string, string>;
  /** Every weight of the adapter, in order. */
  readonly weights: readonly WeightSpec[];
  /** Name of the output matrix; a tied one that is trained whole is one of its own. */
  readonly outputWeight: string;
}

/** The name of an output matrix that is not tied. */
const UNTIED_OUTPUT = "lm_head.weight";

/**
 * Returns what an adapter of `config` for `model` consists of.
 *
 * @throws {UserError} If the settings name a module that the model does not have.
 */
export function adapterLayout(model: LanguageModel, config: LoraConfig): AdapterLayout {
  const targets = loraTargets(model, config);
  const weights: WeightSpec[] = targets.flatMap(({ projection, rank }): WeightSpec[] => {
    const { a, b, magnitude } = loraNames(projection.name);
    return [
      { name: a, shape: [rank, projection.inFeatures], init: "normal" },
      { name: b, shape: [projection.outFeatures, rank], init: "zeros" },
      ...(config.useDora
        ? [{ name: magnitude, shape: [projection.outFeatures], init: "ones" } as const]
        : []),
    ];
  });
  const saved = new Map<string, string>();
  let { outputWeight } = model;
  for (const module of config.modulesToSave) {
    const found = savedWeights(model, module);
    for (const spec of found) {
      const name = `${PREFIX}${spec.name}`;
      saved.set(spec.name, name);
      weights.push({ ...spec, name });
      if (spec.name === UNTIED_OUTPUT) outputWeight = UNTIED_OUTPUT;
    }
  }
  return { targets, saved, weights, outputWeight };
}

/** Returns the model that `model` with an adapter is: an output matrix that was trained whole is tied no more. */
export function adaptedModel(
  model: LanguageModel,
  { outputWeight }: Pick<AdapterLayout, "outputWeight">,
): LanguageModel {
  return outputWeight === model.outputWeight
    ? model
    : createModel({ ...model.config, tie_word_embeddings: false });
}

/** Returns the weights of the modules called `module`. */
function savedWeights(model: LanguageModel, module: string): WeightSpec[] {
  const found = model.weights.filter(({ name }) => {
    const owner = name.slice(0, name.lastIndexOf("."));
    return owner === module || owner.endsWith(`.${module}`);
  });
  if (found.length > 0) return found;
  const output = model.weights.find(({ name }) => name === model.outputWeight)!;
  if (`${module}.weight` === UNTIED_OUTPUT) return [{ ...output, name: UNTIED_OUTPUT }];
  throw new UserError(
    `Cannot train "${module}" whole: a ${model.modelType} has no module of this name`,
  );
}
