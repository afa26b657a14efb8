/**
 * From settings to what a run works on: the model, its tokenizer and its data.
 *
 * @module
 */

import { type Dataset, openDataset } from "../../datasets/dataset.ts";
import { readLines } from "../../datasets/jsonl.ts";
import { parseRow } from "../../datasets/parse_row.ts";
import type { Row } from "../../datasets/row.ts";
import { createModel } from "../../models/architectures.ts";
import { openModelFolder } from "../../models/hub/folder.ts";
import { endsAtMaxPositions, type LanguageModel } from "../../models/language_model.ts";
import { findPreset, type Preset } from "../../models/presets.ts";
import { trainBpe } from "../../models/tokenizer/bpe_trainer.ts";
import { createTokenizer, loadTokenizer } from "../../models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { readWeights } from "../../models/weights.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TrainingConfig } from "./config.ts";
import { initialWeights } from "./initialize.ts";
import type { NamedTensor } from "./trainer.ts";

/** A model to be trained. */
export interface TrainingModel {
  /** The model. */
  readonly model: LanguageModel;
  /** Its tokenizer; rows of token ids need none. */
  readonly tokenizer: Tokenizer | undefined;
  /** Its `generation_config.json`, if it has one. */
  readonly generationConfig: JsonObject | undefined;
  /** Whether it starts from random weights. */
  readonly fresh: boolean;
  /** Yields the weights it starts from. */
  readonly weights: () => AsyncIterable<NamedTensor> | Iterable<NamedTensor>;
}

/** Token vocabularies are rounded up to this, so that products over them have even rows. */
const VOCAB_GRAIN = 64;

/** The longest examples that are trained on unless told otherwise, in tokens. */
const DEFAULT_MAX_LENGTH = 512;

/** Prepares the model that `config.model` names: a folder, or a preset with a tokenizer learned from the data. */
export async function prepareModel(
  config: TrainingConfig,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TrainingModel> {
  const preset = findPreset(config.model);
  return preset === undefined
    ? await prepareFolder(config.model)
    : await preparePreset(preset, { config, signal: options.signal });
}

/** Prepares a model of a folder. */
export async function prepareFolder(path: string): Promise<TrainingModel> {
  using folder = await openModelFolder(path);
  const model = createModel(folder.config);
  return {
    model,
    tokenizer: await loadTokenizer(path),
    generationConfig: folder.generationConfig,
    fresh: false,
    weights: async function* () {
      using opened = await openModelFolder(path);
      yield* readWeights(model, opened);
    },
  };
}

async function preparePreset(
  preset: Preset,
  { config, signal }: { readonly config: TrainingConfig; readonly signal: AbortSignal | undefined },
): Promise<TrainingModel> {
  const texts: string[] = [];
  for await (const { line, text } of readLines(config.dataset, { signal })) {
    texts.push(...textsOf(parseRow(text, { place: { path: config.dataset, line } }).row));
  }
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
    model,
    tokenizer,
    generationConfig: eosTokenIds.length > 0 ? { eos_token_id: [...eosTokenIds] } : undefined,
    fresh: true,
    weights: () => initialWeights(model, config.seed),
  };
}

/** The texts of a row that a tokenizer can learn from. */
function textsOf(row: Row): string[] {
  switch (row.kind) {
    case "tokens":
      return [];
    case "messages":
      return row.messages.map(({ content }) => content);
    case "completion":
      return [row.prompt, row.completion];
    case "text":
      return [row.text];
  }
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

/** Options of {@linkcode prepareDataset}. */
export interface PrepareDatasetOptions {
  /** The model it is for. */
  readonly prepared: TrainingModel;
  /** Most tokens of an example; null takes the default. */
  readonly maxLength: number | null;
  /** Told what is odd about a row. */
  readonly onWarning: (warning: string) => void;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads a data set for a model. */
export async function prepareDataset(
  path: string,
  options: PrepareDatasetOptions,
): Promise<Dataset> {
  const { model, tokenizer } = options.prepared;
  const { maxLength } = options;
  if (maxLength !== null && maxLength > model.maxPositions && endsAtMaxPositions(model)) {
    throw new UserError(
      `Cannot train on rows of up to ${maxLength} tokens: the model has ${model.maxPositions} positions; ` +
        "lower --max-length",
    );
  }
  return await openDataset(path, {
    tokenizer,
    vocabSize: model.vocabSize,
    maxLength: maxLength ?? Math.min(model.maxPositions, DEFAULT_MAX_LENGTH),
    onWarning: (warning, { line }) => options.onWarning(`${path}, line ${line}: ${warning}`),
    signal: options.signal,
  });
}
