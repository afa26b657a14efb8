/**
 * A model on disk, whatever the form: a Hugging Face folder, or an adapter with the model that it was made for.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { type Adapter, isAdapterFolder, openAdapter } from "../adapters/folder.ts";
import { mergeAdapter } from "../adapters/merge.ts";
import { adaptedModel, adapterLayout } from "../adapters/weights.ts";
import { createModel } from "../architectures.ts";
import { type ModelFolder, openModelFolder } from "../hub/folder.ts";
import type { LanguageModel } from "../language_model.ts";
import { loadTokenizer } from "../tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type NamedWeight, readWeights } from "../weights.ts";

/** A model on disk. */
export interface StoredModel extends Disposable {
  /** Where it lies. */
  readonly path: string;
  /** What it computes. */
  readonly model: LanguageModel;
  /** Its `generation_config.json`, if it has one. */
  readonly generationConfig: JsonObject | undefined;
  /** Its tokenizer, if it has one. */
  readonly tokenizer: Tokenizer | undefined;
  /** Yields its weights in the model's order, an adapter's updates in them. */
  weights(): AsyncGenerator<NamedWeight, void>;
}

/** Options of {@linkcode openStoredModel}. */
export interface OpenStoredModelOptions {
  /** Folder of an adapter to put on it. @default {none} */
  readonly adapter?: string | undefined;
  /** Finds the model that an adapter names, where that is no folder. @default {that is an error} */
  readonly findBase?: (name: string) => string | Promise<string>;
}

/**
 * Opens the model in `path`: a folder, or an adapter's folder, whose base model is opened with it.
 *
 * @throws {UserError} If a file is missing or broken, or model and adapter do not fit.
 */
export async function openStoredModel(
  path: string,
  options: OpenStoredModelOptions = {},
): Promise<StoredModel> {
  if (isAdapterFolder(path)) {
    using opened = new DisposableStack();
    const adapter = opened.use(await openAdapter(path));
    const base = opened.use(
      await openStoredModel(await baseOf(adapter, options.findBase), options),
    );
    return adapted(base, { adapter, opened: opened.move() });
  }
  const { adapter: adapterPath, ...rest } = options;
  if (adapterPath !== undefined) {
    using opened = new DisposableStack();
    const base = opened.use(await openStoredModel(path, rest));
    const adapter = opened.use(await openAdapter(adapterPath));
    return adapted(base, { adapter, opened: opened.move() });
  }
  using opened = new DisposableStack();
  const folder = opened.use(await openModelFolder(path));
  const model = createModel(folder.config);
  const tokenizer = await loadTokenizer(path);
  return plain(folder, { model, tokenizer, opened: opened.move() });
}

function plain(
  folder: ModelFolder,
  { model, tokenizer, opened }: {
    readonly model: LanguageModel;
    readonly tokenizer: Tokenizer | undefined;
    readonly opened: DisposableStack;
  },
): StoredModel {
  return {
    path: folder.path,
    model,
    generationConfig: folder.generationConfig,
    tokenizer,
    weights: () => readWeights(model, folder),
    [Symbol.dispose]: () => opened.dispose(),
  };
}

async function adapted(
  base: StoredModel,
  { adapter, opened }: { readonly adapter: Adapter; readonly opened: DisposableStack },
): Promise<StoredModel> {
  try {
    adapter.check(base.model);
    const layout = adapterLayout(base.model, adapter.config);
    const shapes = new Map(layout.weights.map(({ name, shape }) => [name, shape]));
    return {
      path: adapter.path,
      model: adaptedModel(base.model, layout),
      generationConfig: base.generationConfig,
      tokenizer: await loadTokenizer(adapter.path) ?? base.tokenizer,
      weights: () =>
        mergeAdapter({
          model: base.model,
          config: adapter.config,
          adapterWeight: (name) => adapter.read(name, shapes.get(name)!),
          base: base.weights(),
        }),
      [Symbol.dispose]: () => opened.dispose(),
    };
  } catch (error) {
    opened.dispose();
    throw error;
  }
}

/**
 * Finds the model that an adapter was made for: a folder, relative to the adapter's or absolute, else what `findBase`
 * makes of its name.
 *
 * @throws {UserError} If the adapter does not say.
 */
export async function baseOf(
  { path, baseModel }: Pick<Adapter, "path" | "baseModel">,
  findBase?: OpenStoredModelOptions["findBase"],
): Promise<string> {
  if (baseModel === null) {
    throw new UserError(
      `Cannot use adapter "${path}": it does not say which model it was made for; give --model and --adapter`,
    );
  }
  const folder = resolve(path, baseModel);
  return findBase === undefined || existsSync(folder) ? folder : await findBase(baseModel);
}
