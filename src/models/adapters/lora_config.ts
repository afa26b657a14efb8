/**
 * The settings of a LoRA adapter (Hu et al., 2021), its variants rsLoRA (Kalajdzievski, 2023) and DoRA (Liu et al.,
 * 2024), and the `adapter_config.json` in which PEFT keeps them.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import {
  anyObject,
  array,
  boolean,
  decode,
  decodeError,
  type Decoder,
  integer,
  type JsonObject,
  nullable,
  number,
  record,
  text,
} from "../../utils/json.ts";

/** Which modules are meant: names or ends of names, or one pattern for whole names. */
export type ModuleSelection = readonly string[] | string;

/** The word that stands for every linear layer but the output matrix. */
export const ALL_LINEAR = "all-linear";

/** The settings of an adapter. */
export interface LoraConfig {
  /** Width of the bottleneck. */
  readonly rank: number;
  /** Numerator of the update's scale. */
  readonly alpha: number;
  /** Part of the inputs that is left out while training. */
  readonly dropout: number;
  /** Whether the scale is alpha / √rank rather than alpha / rank. */
  readonly useRslora: boolean;
  /** Whether the length of each row is trained apart from its direction. */
  readonly useDora: boolean;
  /** The linear layers that are adapted. */
  readonly targetModules: ModuleSelection;
  /** Linear layers that are not, although they are targets. */
  readonly excludeModules: ModuleSelection | null;
  /** Modules that are trained whole and saved with the adapter. */
  readonly modulesToSave: readonly string[];
  /** Layers to which targets are restricted. */
  readonly layersToTransform: readonly number[] | null;
  /** Names of the lists that hold these layers; any, where it is empty. */
  readonly layersPattern: readonly string[];
  /** Ranks of modules that differ, by a pattern for the end of their names. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Alphas of modules that differ, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

/** What is usual where nothing else is said. */
export const LORA_DEFAULTS: LoraConfig = {
  rank: 16,
  alpha: 32,
  dropout: 0,
  useRslora: false,
  useDora: false,
  targetModules: ALL_LINEAR,
  excludeModules: null,
  modulesToSave: [],
  layersToTransform: null,
  layersPattern: [],
  rankPattern: {},
  alphaPattern: {},
};

/** Names given one by one, or one text. */
const selection: Decoder<ModuleSelection> = (value, place) =>
  typeof value === "string" ? value : array(text())(value, place);

const numbers: Decoder<readonly number[]> = (value, place) =>
  typeof value === "number" ? [value] : array(integer({ min: 0 }))(value, place);

const texts: Decoder<readonly string[]> = (value, place) =>
  typeof value === "string" ? [value] : array(text())(value, place);

/** Keys that must be absent, or have one of these values: others change what the adapter computes. */
const FIXED_KEYS: Readonly<Record<string, readonly unknown[]>> = {
  alora_invocation_tokens: [null],
  arrow_config: [null],
  bias: ["none"],
  kasa_config: [null],
  layer_replication: [null],
  lora_bias: [false],
  monteclora_config: [null],
  target_parameters: [null, []],
  trainable_token_indices: [null],
  use_bdlora: [null, false],
  use_qalora: [false],
  velora_config: [null],
};

/** Keys that say nothing about what a saved adapter computes. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "corda_config",
  "ensure_weight_tying",
  "eva_config",
  "fan_in_fan_out", // follows from the architecture
  "inference_mode",
  "init_lora_weights",
  "loftq_config",
  "lora_ga_config",
  "megatron_config",
  "megatron_core",
  "peft_type",
  "peft_version",
  "qalora_group_size",
  "revision",
  "runtime_config",
  "task_type",
]);

/** An adapter's settings as they were read. */
export interface ParsedLoraConfig {
  /** The settings. */
  readonly config: LoraConfig;
  /** The model that the file says it was made for. */
  readonly baseModel: string | null;
}

/**
 * Reads the content of an `adapter_config.json`.
 *
 * @throws {UserError} If a key is wrong, or would change what the adapter computes and is not supported.
 */
export function parseLoraConfig(json: unknown, source: string): ParsedLoraConfig {
  const given = decode(anyObject(), json, source);
  if (given.peft_type !== "LORA") {
    const type = JSON.stringify(given.peft_type) ?? "missing";
    throw new UserError(`Cannot use adapter ${source}: its peft_type is ${type}, not "LORA"`);
  }
  const read = new Set<string>();
  const take = <T>(key: string, decoder: Decoder<T>, fallback: T): T => {
    read.add(key);
    const value = given[key];
    return value === undefined || value === null ? fallback : decoder(value, { source, key });
  };
  const config: LoraConfig = {
    rank: take("r", integer({ min: 1 }), 8),
    alpha: take("lora_alpha", number({ min: 0 }), 8),
    dropout: take("lora_dropout", number({ min: 0, max: 1 }), 0),
    useRslora: take("use_rslora", boolean(), false),
    useDora: take("use_dora", boolean(), false),
    targetModules: take("target_modules", selection, ALL_LINEAR),
    excludeModules: take<ModuleSelection | null>("exclude_modules", selection, null),
    modulesToSave: take("modules_to_save", array(text()), []),
    layersToTransform: take<readonly number[] | null>("layers_to_transform", numbers, null),
    layersPattern: take("layers_pattern", texts, []),
    rankPattern: take("rank_pattern", record(integer({ min: 1 })), {}),
    alphaPattern: take("alpha_pattern", record(number({ min: 0 })), {}),
  };
  for (const [key, value] of Object.entries(given)) {
    if (read.has(key) || HARMLESS_KEYS.has(key) || value === null) continue;
    const allowed = FIXED_KEYS[key];
    if (allowed?.some((one) => JSON.stringify(one) === JSON.stringify(value))) continue;
    const wanted = allowed === undefined
      ? "no key of this name, since it may change what the adapter computes"
      : `${JSON.stringify(allowed[0])}, the one value that is supported`;
    throw decodeError({ source, key }, wanted, value);
  }
  const baseModel = nullable(text())(given.base_model_name_or_path ?? null, {
    source,
    key: "base_model_name_or_path",
  });
  return { config, baseModel };
}

/** Options of {@linkcode loraConfigJson}. */
export interface LoraConfigJsonOptions {
  /** Where the base model is to be found. */
  readonly baseModel: string;
  /** Whether the architecture stores its matrices transposed, as GPT-2 does. */
  readonly fanInFanOut: boolean;
}

/** Returns the content of an `adapter_config.json` that PEFT reads. */
export function loraConfigJson(
  config: LoraConfig,
  { baseModel, fanInFanOut }: LoraConfigJsonOptions,
): JsonObject {
  return {
    alpha_pattern: { ...config.alphaPattern },
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: "none",
    exclude_modules: copied(config.excludeModules),
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: config.layersPattern.length > 0 ? [...config.layersPattern] : null,
    layers_to_transform: config.layersToTransform && [...config.layersToTransform],
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    modules_to_save: config.modulesToSave.length > 0 ? [...config.modulesToSave] : null,
    peft_type: "LORA",
    r: config.rank,
    rank_pattern: { ...config.rankPattern },
    revision: null,
    target_modules: copied(config.targetModules),
    task_type: "CAUSAL_LM",
    use_dora: config.useDora,
    use_rslora: config.useRslora,
  };
}

function copied(selection: ModuleSelection | null): string | string[] | null {
  return selection === null || typeof selection === "string" ? selection : [...selection];
}
