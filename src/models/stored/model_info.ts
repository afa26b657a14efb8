/**
 * What there is to know of a model before it is run.
 *
 * @module
 */

import { join } from "node:path";
import { openGguf } from "../../engine/tensor/gguf/gguf_file.ts";
import { openSafetensors } from "../../engine/tensor/safetensors.ts";
import { elementCount } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";
import { anyObject, decode, type JsonObject, readJsonFile } from "../../utils/json.ts";
import { isGgufPath } from "../../utils/paths.ts";
import { isAdapterFolder, openAdapter } from "../adapters/folder.ts";
import { createModel } from "../architectures.ts";
import { ADAPTER_WEIGHTS_FILE, CONFIG_FILE, GENERATION_CONFIG_FILE } from "../hub/files.ts";
import { type ModelFolder, openModelFolder, readModelConfig } from "../hub/folder.ts";
import { countParameters, type LanguageModel } from "../language_model.ts";
import { loadTokenizer } from "../tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { readWeights } from "../weights.ts";
import { baseOf, type OpenStoredModelOptions } from "./stored_model.ts";

/** What a tokenizer has. */
export interface TokenizerInfo {
  /** Number of tokens. */
  readonly vocabulary: number;
  /** Whether it brings a chat template of its own. */
  readonly chatTemplate: boolean;
  /** Token that begins a text. */
  readonly bos: SpecialToken | null;
  /** Tokens that end a text. */
  readonly eos: readonly SpecialToken[];
  /** Token that fills rows up. */
  readonly pad: SpecialToken | null;
}

/** A token with a meaning of its own. */
export interface SpecialToken {
  /** Its number. */
  readonly id: number;
  /** How it is written. */
  readonly token: string;
}

/** What an adapter adds to a model. */
export interface AdapterInfo {
  /** The model that it was made for: a folder or a name. */
  readonly base: string | null;
  /** What kind it is. */
  readonly variant: "lora" | "rslora" | "dora";
  /** Width of its bottleneck. */
  readonly rank: number;
  /** Number of its own parameters. */
  readonly parameters: number;
}

/** What there is to know of a model; of an adapter, of the model with it. */
export interface ModelInfo {
  /** Its `model_type`. */
  readonly modelType: string | null;
  /** Its class in `transformers`. */
  readonly architecture: string | null;
  /** Number of parameters, tied matrices counted once. */
  readonly parameters: number | null;
  /** Dtypes of the stored weights, that of the most bytes first. */
  readonly dtypes: readonly string[];
  /** Bytes of all its files; `null` where there are none. */
  readonly sizeBytes: number | null;
  /** The longest sequence it was made for, in tokens. */
  readonly contextLength: number | null;
  /** Number of token ids. */
  readonly vocabulary: number | null;
  /** Its tokenizer; `null` where it has none that can be used. */
  readonly tokenizer: TokenizerInfo | null;
  /** What `generation_config.json` recommends. */
  readonly generation: JsonObject;
  /** The adapter that the folder holds in place of a whole model. */
  readonly adapter: AdapterInfo | null;
  /** Why it cannot be run or trained here; `null` if it can. */
  readonly problem: string | null;
}

/** Describes a model by its `config.json` alone, such as a preset's. */
export function describeConfig(config: JsonObject): ModelInfo {
  const { model, problem } = attempt(() => createModel(config));
  return {
    modelType: textOf(config.model_type),
    architecture: Array.isArray(config.architectures) ? textOf(config.architectures[0]) : null,
    parameters: model === undefined ? null : countParameters(model),
    dtypes: [],
    sizeBytes: null,
    contextLength: model?.maxPositions ??
      numberOf(config.max_position_embeddings ?? config.n_positions),
    vocabulary: model?.vocabSize ?? numberOf(config.vocab_size),
    tokenizer: null,
    generation: {},
    adapter: null,
    problem,
  };
}

/**
 * Describes the model or the adapter in `folder`; what is wrong with it is told as its `problem`.
 *
 * @throws {UserError} If it has no configuration, or none that can be read, or an adapter's model is not found.
 */
export async function describeModel(
  folder: string,
  options: Pick<OpenStoredModelOptions, "findBase"> = {},
): Promise<ModelInfo> {
  if (isAdapterFolder(folder)) return await describeAdapter(folder, options);
  const config = await readModelConfig(folder);
  const info = describeConfig(config);
  const problems = info.problem === null ? [] : [info.problem];
  const note = (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message);
    return undefined;
  };
  const tokenizer = await loadTokenizer(folder).catch(note);
  const weights = await describeWeights(folder, info.problem === null ? createModel(config) : null)
    .catch(note);
  return {
    ...info,
    parameters: info.parameters ?? weights?.parameters ?? null,
    dtypes: weights?.dtypes ?? [],
    sizeBytes: await folderBytes(folder),
    tokenizer: tokenizer === undefined ? null : tokenizerInfo(tokenizer),
    generation: await readGenerationConfig(folder).catch(note) ?? {},
    problem: problems.length === 0 ? null : problems.join("; "),
  };
}

async function describeAdapter(
  folder: string,
  { findBase }: Pick<OpenStoredModelOptions, "findBase">,
): Promise<ModelInfo> {
  using adapter = await openAdapter(folder);
  const base = await baseOf(adapter, findBase);
  const info = await describeModel(base);
  const { config, baseModel } = adapter;
  const tokenizer = await loadTokenizer(folder);
  const model = info.problem === null ? createModel(await readModelConfig(base)) : undefined;
  const problem = model === undefined ? info.problem : problemOf(() => adapter.check(model));
  using weights = await openSafetensors(join(folder, ADAPTER_WEIGHTS_FILE));
  const counts = [...weights.entries.values()].map(({ shape }) => elementCount(shape));
  return {
    ...info,
    sizeBytes: await folderBytes(folder),
    tokenizer: tokenizer === undefined ? info.tokenizer : tokenizerInfo(tokenizer),
    adapter: {
      base: baseModel,
      variant: config.useDora ? "dora" : config.useRslora ? "rslora" : "lora",
      rank: config.rank,
      parameters: counts.reduce((total, each) => total + each, 0),
    },
    problem,
  };
}

interface WeightsInfo {
  readonly parameters: number;
  readonly dtypes: readonly string[];
}

async function describeWeights(folder: string, model: LanguageModel | null): Promise<WeightsInfo> {
  using opened: ModelFolder = await openModelFolder(folder);
  const counts = new Map<string, number>();
  for (const name of opened.weightNames) {
    const dtype = opened.dtypeOf(name);
    counts.set(dtype, (counts.get(dtype) ?? 0) + elementCount(opened.shapeOf(name)));
  }
  if (model !== null) await checkWeights(model, opened);
  const dtypes = isGgufPath(folder) ? await ggufTypes(folder) : counts;
  return {
    parameters: [...counts.values()].reduce((total, count) => total + count, 0),
    dtypes: [...dtypes].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype),
  };
}

/** Returns how many elements of each type a GGUF file holds. */
async function ggufTypes(path: string): Promise<ReadonlyMap<string, number>> {
  using file = await openGguf(path);
  const counts = new Map<string, number>();
  for (const { type, shape } of file.tensors.values()) {
    counts.set(type, (counts.get(type) ?? 0) + elementCount(shape));
  }
  return counts;
}

/** Does as if the weights were read, which finds those that are missing, surplus or of another shape. */
async function checkWeights(model: LanguageModel, folder: ModelFolder): Promise<void> {
  const headersOnly: ModelFolder = {
    ...folder,
    readWeight(name, expected) {
      const shape = folder.shapeOf(name);
      if (expected !== undefined && String(shape) !== String(expected)) {
        throw new UserError(
          `weight "${name}" has the shape [${shape}], but ${CONFIG_FILE} asks for [${expected}]`,
        );
      }
      const dtype = folder.dtypeOf(name);
      if (!/^b?float/.test(dtype)) {
        throw new UserError(
          `weight "${name}" is stored as ${dtype}; quantised weights cannot be read`,
        );
      }
      return Promise.resolve({ dtype: "float32", shape, data: new Float32Array(0) });
    },
  };
  for await (const _ of readWeights(model, headersOnly)) { /* each is checked as it is read */ }
}

function tokenizerInfo(tokenizer: Tokenizer): TokenizerInfo {
  const { vocabSize, bosTokenId, eosTokenIds, padTokenId, hasChatTemplate } = tokenizer;
  const special = (id: number): SpecialToken => ({
    id,
    token: tokenizer.decode([id], { skipSpecialTokens: false }),
  });
  return {
    vocabulary: vocabSize,
    chatTemplate: hasChatTemplate,
    bos: bosTokenId === undefined ? null : special(bosTokenId),
    eos: eosTokenIds.map(special),
    pad: padTokenId === undefined ? null : special(padTokenId),
  };
}

/** Keys of `generation_config.json` that recommend nothing. */
const NO_RECOMMENDATIONS: ReadonlySet<string> = new Set([
  "_from_model_config",
  "transformers_version",
  "bos_token_id",
  "eos_token_id",
  "pad_token_id",
]);

async function readGenerationConfig(folder: string): Promise<JsonObject> {
  if (isGgufPath(folder)) return {};
  const path = join(folder, GENERATION_CONFIG_FILE);
  try {
    await Deno.stat(path);
  } catch {
    return {};
  }
  const json = decode(anyObject(), await readJsonFile(path), path);
  return Object.fromEntries(
    Object.entries(json).filter(([key, value]) => !NO_RECOMMENDATIONS.has(key) && value !== null),
  );
}

async function folderBytes(folder: string): Promise<number> {
  if (isGgufPath(folder)) return (await Deno.stat(folder)).size;
  let total = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) total += (await Deno.stat(join(folder, name))).size;
  }
  return total;
}

function attempt(
  create: () => LanguageModel,
): { readonly model?: LanguageModel; readonly problem: string | null } {
  let model: LanguageModel | undefined;
  const problem = problemOf(() => void (model = create()));
  return { ...model === undefined ? {} : { model }, problem };
}

function problemOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
