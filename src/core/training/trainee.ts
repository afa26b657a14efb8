/**
 * What a run trains of a model: all of its weights, or an adapter beside weights that stay as they are.
 *
 * @module
 */

import type { Value } from "../../engine/graph/value.ts";
import { adaptedProject } from "../../models/adapters/lora.ts";
import type { LoraConfig } from "../../models/adapters/lora_config.ts";
import { type AdapterLayout, adapterLayout } from "../../models/adapters/weights.ts";
import {
  type LanguageModel,
  plainProject,
  type Project,
  type WeightSpec,
} from "../../models/language_model.ts";

/** What a run trains of a model. */
export interface Trainee {
  /** The model. */
  readonly model: LanguageModel;
  /** The weights that are trained, in the order in which they are saved. */
  readonly parameters: readonly WeightSpec[];
  /** The weights of the model that are only read. */
  readonly frozen: readonly WeightSpec[];
  /** The adapter, where one is trained. */
  readonly adapter: TrainedAdapter | undefined;
}

/** An adapter that is trained. */
export interface TrainedAdapter {
  /** Its settings. */
  readonly config: LoraConfig;
  /** What it consists of. */
  readonly layout: AdapterLayout;
}

/** Trains every weight of `model`. */
export function wholeModel(model: LanguageModel): Trainee {
  return { model, parameters: model.weights, frozen: [], adapter: undefined };
}

/**
 * Trains an adapter of `model`.
 *
 * @throws {UserError} If the settings name modules that the model does not have.
 */
export function adapterOf(model: LanguageModel, config: LoraConfig): Trainee {
  const layout = adapterLayout(model, config);
  return {
    model,
    parameters: layout.weights,
    // What is trained whole stands in for the base's.
    frozen: model.weights.filter(({ name }) => !layout.saved.has(name)),
    adapter: { config, layout },
  };
}

/** The values that stand for weights in one graph. */
export interface WeightValues {
  /** Returns the value of a trained weight. */
  readonly trained: (name: string) => Value;
  /** Returns the value of a frozen weight, as float32. */
  readonly frozen: (name: string) => Value;
  /** Computes linear layers with frozen matrices. @default {products with what `frozen` returns} */
  readonly frozenProject?: Project;
  /** Leaves out a part of what an adapter reads. @default {nothing} */
  readonly dropout?: ((x: Value) => Value) | undefined;
}

/** How a forward pass gets at its weights. */
export interface BoundWeights {
  /** Returns the value of a weight of the model. */
  readonly weight: (name: string) => Value;
  /** Computes a linear layer. */
  readonly project: Project;
  /** Name of the output matrix. */
  readonly outputWeight: string;
}

/** Returns how a forward pass of `trainee` gets at its weights. */
export function bindWeights(trainee: Trainee, values: WeightValues): BoundWeights {
  const { model, adapter } = trainee;
  if (adapter === undefined) {
    return {
      weight: values.trained,
      project: plainProject(values.trained),
      outputWeight: model.outputWeight,
    };
  }
  const { config, layout: { saved, targets, outputWeight } } = adapter;
  const weight = (name: string): Value => {
    const savedName = saved.get(name);
    return savedName === undefined ? values.frozen(name) : values.trained(savedName);
  };
  const project = adaptedProject({
    config,
    targets,
    trained: values.trained,
    frozen: values.frozen,
    base: (x, projection) =>
      (saved.has(`${projection.name}.weight`) ? plainProject(weight) : frozenProject)(
        x,
        projection,
      ),
    dropout: values.dropout,
  });
  const frozenProject = values.frozenProject ?? plainProject(values.frozen);
  return { weight, project, outputWeight };
}
