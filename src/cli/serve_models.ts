/**
 * The models that the command line of `serve` names.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { NamedAdapter } from "../inference/generation/load_adapters.ts";
import type { LoadDefaults } from "../inference/hosting/model_spec.ts";
import type { ServeSettings } from "../inference/serve_settings.ts";
import type { LoadRequest } from "../inference/worker_protocol.ts";
import { UserError } from "../utils/errors.ts";
import type { PathContext } from "../utils/paths.ts";
import { type NamedPlace, splitNamedPlace } from "../utils/settings/named_place.ts";
import { findAdapter, findModelAndAdapter } from "./model_options.ts";

/** Options of {@linkcode findModels}. */
export interface FindModelsOptions {
  /** What names are relative to. */
  readonly context: PathContext;
  /** How all of them are loaded. */
  readonly defaults: LoadDefaults;
}

/**
 * Finds the models that `--model` names, with the adapters for the only one.
 *
 * @throws {UserError} If one cannot be found, two have one name, or it is not clear which one an adapter is for.
 */
export async function findModels(
  { model, adapter, name, pooling }: Pick<ServeSettings, "model" | "adapter" | "name" | "pooling">,
  { context, defaults }: FindModelsOptions,
): Promise<readonly LoadRequest[]> {
  const places = (model ?? []).map((text) => split(text, context));
  const isAlone = places.length === 1;
  if (adapter !== null && !isAlone) {
    throw new UserError(
      places.length === 0
        ? "Cannot use --adapter without --model: it changes a model"
        : "Cannot use --adapter with several models: serve an adapter as a model of its own, as in --model polite=runs/polite",
    );
  }
  if (name !== null && !isAlone) {
    throw new UserError(
      "Cannot use --name unless there is one --model: name each as in --model small=runs/small",
    );
  }
  const { alone, named } = await findAdapters(adapter ?? [], context);
  const found: LoadRequest[] = [];
  for (const { name: own, place } of places) {
    const { folder, adapter, id } = await findModelAndAdapter(
      { model: place, ...(alone === undefined ? {} : { adapter: alone }) },
      { context },
    );
    found.push({
      ...defaults,
      folder,
      adapter,
      id: name ?? own ?? id,
      adapters: named,
      ...(pooling === "auto" ? {} : { pooling }),
    });
  }
  const twice = found.find(({ id }, i) => found.findIndex((each) => each.id === id) !== i);
  if (twice === undefined) return found;
  throw new UserError(
    `Cannot serve two models as "${twice.id}": name each, as in --model other=${twice.folder}`,
  );
}

/**
 * Finds the models that are there for embeddings.
 *
 * @throws {UserError} If one cannot be found.
 */
export async function findEmbedders(
  { embeddingModel, pooling }: Pick<ServeSettings, "embeddingModel" | "pooling">,
  { context, defaults }: FindModelsOptions,
): Promise<readonly LoadRequest[]> {
  const { maxQueue } = defaults.limits;
  const found: LoadRequest[] = [];
  for (const text of embeddingModel ?? []) {
    const { name, place } = split(text, context);
    const { folder, adapter, id } = await findModelAndAdapter({ model: place }, { context });
    found.push({
      ...defaults,
      folder,
      adapter,
      id: name ?? id,
      ...(pooling === "auto" ? {} : { pooling }),
      limits: maxQueue === undefined ? {} : { maxQueue },
    });
  }
  return found;
}

/** A folder may have an equals sign in its name. */
function split(text: string, { cwd }: PathContext): NamedPlace {
  return existsSync(resolve(cwd, text)) ? { name: undefined, place: text } : splitNamedPlace(text);
}

/** The adapters that were named: one without a name, which changes the model for all, or several with names. */
async function findAdapters(
  adapters: readonly string[],
  context: PathContext,
): Promise<{ readonly alone: string | undefined; readonly named: readonly NamedAdapter[] }> {
  const places = adapters.map((text) => split(text, context));
  const alone = places.find(({ name }) => name === undefined)?.place;
  if (alone !== undefined && adapters.length > 1) {
    throw new UserError(
      `Cannot use --adapter "${alone}" beside others: give each a name, as in --adapter polite=${alone}`,
    );
  }
  const named: NamedAdapter[] = [];
  for (const { name, place } of places) {
    if (name !== undefined) named.push({ name, folder: await findAdapter(place, { context }) });
  }
  return { alone, named };
}
