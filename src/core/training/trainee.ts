/**
 * What a run trains of a model: all of its weights, or an adapter beside weights that stay as they are.
 *
 * @module
 */

import { linearCrossEntropy } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { adaptedProject } from "../../models/adapters/lora.ts";
import type { LoraConfig } from "../../models/adapters/lora_config.ts";
import { type AdapterLayout, adapterLayout } from "../../models/adapters/weights.ts";
import {
  type EmbedRows,
  type LanguageModel,
  plainProject,
  plainRows,
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

/** Whether the output matrix is trained, itself or with a copy of its own. */
export function trainsOutput({ adapter }: Trainee): boolean {
  return adapter === undefined || adapter.layout.saved.has(adapter.layout.outputWeight);
}

/** What a model computes with matrices, as it is computed with those that are frozen. */
export interface FrozenLayers {
  /** Computes a linear layer. */
  readonly project: Project;
  /** Returns rows of a matrix. */
  readonly embedRows: EmbedRows;
  /** Predicts tokens. */
  readonly crossEntropy: CrossEntropy;
}

/** Returns −log softmax(hidden · Wᵀ)[target], [n, 1], of each row of `hidden` [n, d] for the matrix W of a name. */
export type CrossEntropy = (
  hidden: Value,
  prediction: { readonly name: string; readonly targets: Value },
) => Value;

/** The values that stand for weights in one graph. */
export interface WeightValues {
  /** Returns the value of a trained weight. */
  readonly trained: (name: string) => Value;
  /** Returns the value of a frozen weight, as float32. */
  readonly frozen: (name: string) => Value;
  /** Computes with frozen matrices as they are kept. @default {with what `frozen` returns} */
  readonly frozenLayers?: FrozenLayers;
  /** Leaves out a part of what an adapter reads. @default {nothing} */
  readonly dropout?: ((x: Value) => Value) | undefined;
}

/** How a forward pass gets at its weights. */
export interface BoundWeights extends FrozenLayers {
  /** Returns the value of a weight of the model. */
  readonly weight: (name: string) => Value;
  /** Name of the output matrix. */
  readonly outputWeight: string;
}

/** Returns how a forward pass of `trainee` gets at its weights. */
export function bindWeights(trainee: Trainee, values: WeightValues): BoundWeights {
  const { model, adapter } = trainee;
  if (adapter === undefined) {
    return {
      weight: values.trained,
      ...plainLayers(values.trained),
      outputWeight: model.outputWeight,
    };
  }
  const { config, layout: { saved, targets, outputWeight } } = adapter;
  const weight = (name: string): Value => {
    const savedName = saved.get(name);
    return savedName === undefined ? values.frozen(name) : values.trained(savedName);
  };
  const whole = plainLayers(weight);
  const frozen = values.frozenLayers ?? plainLayers(values.frozen);
  const layersOf = (name: string): FrozenLayers => saved.has(name) ? whole : frozen;
  return {
    weight,
    outputWeight,
    project: adaptedProject({
      config,
      targets,
      trained: values.trained,
      frozen: values.frozen,
      base: (x, projection) => layersOf(`${projection.name}.weight`).project(x, projection),
      dropout: values.dropout,
    }),
    embedRows: (name, ids) => layersOf(name).embedRows(name, ids),
    crossEntropy: (hidden, prediction) =>
      layersOf(prediction.name).crossEntropy(hidden, prediction),
  };
}

function plainLayers(weight: (name: string) => Value): FrozenLayers {
  return {
    project: plainProject(weight),
    embedRows: plainRows(weight),
    crossEntropy: (hidden, { name, targets }) =>
      linearCrossEntropy(hidden, { weight: weight(name), targets }),
  };
}
