/**
 * Which models answer under which names.
 *
 * @module
 */

import type { ModelLease, ModelState } from "../model_pool.ts";
import type { InferenceService, ModelInfo } from "../service.ts";
import type { LiveAlias } from "./alias.ts";
import type { Trial } from "./canary.ts";

/** What a name that clients use stands for. */
export interface Resolution {
  /** The model that answers. */
  readonly model: string;
  /** The adapter that changes it. */
  readonly adapter?: string;
  /** Says, once for each request, whether the canary that is tried beside it answers. */
  readonly trial?: () => Trial;
}

/** A name that clients may use. */
export interface ListedName {
  /** The name. */
  readonly id: string;
  /** The model that it stands for: itself, or that of an alias or an adapter. */
  readonly model: string;
  /** What is known of that model; unknown before it is loaded for the first time. */
  readonly info: ModelInfo | undefined;
}

/** A model as counters name it. */
export interface CountedModel {
  /** Its name. */
  readonly name: string;
  /** Whether it is there. */
  readonly state: ModelState;
  /** What is known of it. */
  readonly info: ModelInfo | undefined;
  /** Answers requests, while it is loaded. */
  readonly service: InferenceService | undefined;
}

/** Which models answer under which names. */
export interface ModelDirectory {
  /** The name that stands for requests that name none; `undefined` while there is no model. */
  readonly defaultName: string | undefined;
  /** All names that clients may use. */
  listed(): readonly ListedName[];
  /** All models. */
  counted(): readonly CountedModel[];
  /** All aliases. */
  aliases(): readonly LiveAlias[];
  /** Returns what a name stands for; `undefined` if there is none such. */
  resolve(name: string): Resolution | undefined;
  /**
   * Returns a model, and loads it if need be.
   *
   * @throws {InferenceError} If it has no room.
   */
  use(model: string): Promise<ModelLease>;
}

/** Returns a directory of models, which remain their owner's to dispose of; the first stands for those that are not named. */
export function givenModels(services: readonly InferenceService[]): ModelDirectory {
  return {
    defaultName: services[0]?.model.id,
    listed: () =>
      services.flatMap(({ model }) =>
        [model.id, ...model.adapters].map((id) => ({ id, model: model.id, info: model }))
      ),
    counted: () =>
      services.map((service) => ({
        name: service.model.id,
        state: service.isAvailable ? "loaded" : "loading",
        info: service.model,
        service,
      })),
    aliases: () => [],
    resolve: (name) => {
      const { model } =
        services.find(({ model }) => model.id === name || model.adapters.includes(name)) ?? {};
      if (model === undefined) return undefined;
      return model.id === name ? { model: name } : { model: model.id, adapter: name };
    },
    use: (name) => {
      const service = services.find(({ model }) => model.id === name);
      if (service === undefined) throw new Error(`Internal: there is no model "${name}"`);
      return Promise.resolve({ service, [Symbol.dispose]() {} });
    },
  };
}

/** Returns the service of the model that a name stands for, if it is loaded. */
export function loadedService(
  directory: ModelDirectory,
  name: string | undefined,
): InferenceService | undefined {
  const model = name === undefined ? undefined : directory.resolve(name)?.model;
  return directory.counted().find((each) => each.name === model)?.service;
}
