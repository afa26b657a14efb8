/**
 * From settings to what a run works on: the model, its tokenizer and its data.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import { sampleTexts } from "../../datasets/sample_texts.ts";
import { createModel } from "../../models/architectures.ts";
import { openAdapter } from "../../models/adapters/folder.ts";
import { initialAdapter } from "../../models/adapters/initialize.ts";
import { ALL_LINEAR, LORA_DEFAULTS, type LoraConfig } from "../../models/adapters/lora_config.ts";
import type { Checkpoint } from "../../models/checkpoint/open.ts";
import { findPreset, type Preset } from "../../models/presets.ts";
import { trainBpe } from "../../models/tokenizer/bpe_trainer.ts";
import { createTokenizer, loadTokenizer } from "../../models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { openStoredModel } from "../../models/stored/stored_model.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TrainingConfig } from "./config.ts";
import { initialWeights } from "./initialize.ts";
import { adapterOf, type Trainee, wholeModel } from "./trainee.ts";
import type { NamedTensor } from "./trainer.ts";

/** A model to be trained. */
export interface TrainingModel {
  /** The model, and what is trained of it. */
  readonly trainee: Trainee;
  /** Its tokenizer; rows of token ids need none. */
  readonly tokenizer: Tokenizer | undefined;
  /** Its `generation_config.json`, if it has one. */
  readonly generationConfig: JsonObject | undefined;
  /** Whether it starts from random weights. */
  readonly fresh: boolean;
  /** Yields what is trained as the run starts from it. */
  readonly weights: () => AsyncIterable<NamedTensor> | Iterable<NamedTensor>;
  /** Yields the weights of the model that an adapter is trained for; nothing where all of it is trained. */
  readonly baseWeights: () => AsyncIterable<NamedTensor> | Iterable<NamedTensor>;
}

/** Token vocabularies are rounded up to this, so that products over them have even rows. */
const VOCAB_GRAIN = 64;

/** Options of {@linkcode prepareModel}. */
export interface PrepareModelOptions {
  /** The checkpoint that the run continues. @default {none} */
  readonly checkpoint?: Checkpoint | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prepares the model that `config.model` names, or an adapter for it: a folder, or a preset with a tokenizer learned
 * from the data.
 */
export async function prepareModel(
  config: TrainingConfig,
  { checkpoint, signal }: PrepareModelOptions = {},
): Promise<TrainingModel> {
  if (checkpoint?.adapter !== undefined) {
    return await prepareAdapter(config, { adapter: checkpoint.path });
  }
  if (checkpoint !== undefined) return await prepareFolder(checkpoint.path);
  const preset = findPreset(config.model);
  if (config.adapter !== null || config.loraRank !== null) {
    if (preset === undefined) return await prepareAdapter(config, { adapter: config.adapter });
    throw new UserError(
      `Cannot train an adapter of "${config.model}": a preset has nothing learned that it could add to; ` +
        "give --model a trained model",
    );
  }
  return preset === undefined
    ? await prepareFolder(config.model)
    : await preparePreset(preset, { config, signal });
}

/** Prepares all of a stored model. */
export async function prepareFolder(path: string): Promise<TrainingModel> {
  using stored = await openStoredModel(path);
  const { model, tokenizer, generationConfig } = stored;
  return {
    trainee: wholeModel(model),
    tokenizer,
    generationConfig,
    fresh: false,
    weights: () => weightsOf(path),
    baseWeights: () => [],
  };
}

/** Prepares an adapter for a stored model: the one in the folder `adapter`, or a new one. */
async function prepareAdapter(
  config: TrainingConfig,
  { adapter }: { readonly adapter: string | null },
): Promise<TrainingModel> {
  const path = config.model;
  using base = await openStoredModel(path);
  using saved = adapter === null ? undefined : await openAdapter(adapter);
  saved?.check(base.model);
  const { model, generationConfig } = base;
  const trainee = adapterOf(model, saved?.config ?? loraConfigOf(config));
  const layout = trainee.adapter!.layout;
  return {
    trainee,
    tokenizer: (adapter === null ? undefined : await loadTokenizer(adapter)) ?? base.tokenizer,
    generationConfig,
    fresh: false,
    weights: adapter === null
      ? () =>
        initialAdapter(layout, {
          seed: config.seed,
          base: () => weightsOf(path),
          outputWeight: model.outputWeight,
        })
      : () => adapterWeights(adapter, trainee),
    baseWeights: () => weightsOf(path),
  };
}

/** Yields the weights of the stored model in `path`. */
async function* weightsOf(path: string): AsyncGenerator<NamedTensor, void> {
  using stored = await openStoredModel(path);
  yield* stored.weights();
}

/** Yields the weights of the adapter in `path`. */
async function* adapterWeights(
  path: string,
  { parameters }: Trainee,
): AsyncGenerator<NamedTensor, void> {
  using adapter = await openAdapter(path);
  for (const { name, shape } of parameters) yield { name, tensor: await adapter.read(name, shape) };
}

/** Returns the settings of a new adapter. */
export function loraConfigOf(config: TrainingConfig): LoraConfig {
  const rank = config.loraRank ?? LORA_DEFAULTS.rank;
  return {
    ...LORA_DEFAULTS,
    rank,
    alpha: config.loraAlpha ?? 2 * rank,
    dropout: config.loraDropout,
    useRslora: config.loraVariant === "rslora",
    useDora: config.loraVariant === "dora",
    targetModules: config.loraTargetModules ?? ALL_LINEAR,
    modulesToSave: config.loraModulesToSave ?? [],
  };
}

async function preparePreset(
  preset: Preset,
  { config, signal }: { readonly config: TrainingConfig; readonly signal: AbortSignal | undefined },
): Promise<TrainingModel> {
  const texts = await sampleTexts(config.dataset, {
    format: config.format ?? undefined,
    skipInvalidRows: config.skipInvalidRows,
    signal,
  });
  const largest = createModel(preset.config).vocabSize;
  let json = preset.config;
  let tokenizer: Tokenizer | undefined;
  if (texts.length > 0) {
    tokenizer = createTokenizer(trainBpe({ texts, vocabSize: largest }));
    // Little text makes few tokens, and rows for tokens that never occur would only cost time.
    const vocabSize = Math.min(largest, Math.ceil(tokenizer.vocabSize / VOCAB_GRAIN) * VOCAB_GRAIN);
    json = {
      ...json,
      vocab_size: vocabSize,
      bos_token_id: tokenizer.bosTokenId ?? null,
      eos_token_id: tokenizer.eosTokenIds[0] ?? null,
      pad_token_id: tokenizer.padTokenId ?? null,
    };
  }
  const model = createModel(json);
  const eosTokenIds = tokenizer?.eosTokenIds ?? [];
  return {
    trainee: wholeModel(model),
    tokenizer,
    generationConfig: eosTokenIds.length > 0 ? { eos_token_id: [...eosTokenIds] } : undefined,
    fresh: true,
    weights: () => initialWeights(model, config.seed),
    baseWeights: () => [],
  };
}

/**
 * Returns the tokenizer's files for a model that was trained on `dataset`. One without a chat template of its own gets
 * the one that conversations were rendered with, so that they are rendered alike wherever it is used.
 */
export function tokenizerFiles(
  tokenizer: Tokenizer | undefined,
  dataset: Dataset,
): ReadonlyMap<string, Uint8Array> {
  if (tokenizer === undefined) return new Map();
  if (tokenizer.hasChatTemplate || dataset.statistics.conversations === 0) return tokenizer.files;
  const template = new TextEncoder().encode(tokenizer.chatTemplate);
  return new Map([...tokenizer.files, ["chat_template.jinja", template]]);
}
