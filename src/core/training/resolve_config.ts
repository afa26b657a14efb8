/**
 * From the settings that a person gives to those that a run is made with.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import { createLoader } from "../../datasets/loader.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingModel } from "./prepare.ts";

/** Settings with nothing left open that decides what a run computes, so that it can be continued exactly. */
export type ResolvedConfig = TrainingConfig & {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly maxSteps: number;
};

/** Learning rate of a new model unless told otherwise. */
const FRESH_LEARNING_RATE = 1e-3;

/** Learning rate of a trained model unless told otherwise. */
const TRAINED_LEARNING_RATE = 1e-4;

/** Learning rate of an adapter unless told otherwise. */
const ADAPTER_LEARNING_RATE = 2e-4;

/** Steps over which the learning rate rises unless told otherwise: a twentieth of the run, at most this many. */
const MAX_DEFAULT_WARMUP = 100;

/** Returns `config` with the settings that follow from the model and the data put in. */
export function resolveConfig(
  config: TrainingConfig,
  { dataset, prepared: { fresh, trainee } }: {
    readonly dataset: Dataset;
    readonly prepared: TrainingModel;
  },
): ResolvedConfig {
  const { stepsPerEpoch } = createLoader(dataset, config);
  const mayStop = config.earlyStoppingPatience !== null;
  const maxSteps = config.maxSteps ?? Math.max(1, Math.ceil(config.epochs * stepsPerEpoch));
  return {
    ...config,
    maxSteps,
    maxLength: dataset.maxLength,
    learningRate: config.learningRate ??
      (fresh
        ? FRESH_LEARNING_RATE
        : trainee.adapter === undefined
        ? TRAINED_LEARNING_RATE
        : ADAPTER_LEARNING_RATE),
    evalSteps: config.evalSteps ?? (mayStop ? stepsPerEpoch : null),
    warmupSteps: config.warmupSteps ?? Math.min(MAX_DEFAULT_WARMUP, Math.floor(maxSteps / 20)),
  };
}
