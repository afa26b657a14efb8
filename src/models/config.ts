/**
 * Strict reading of `config.json`: each architecture says which keys it understands, and a key that nobody
 * understands is an error, because it may change what the model computes.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";

/** Keys of `config.json` that say nothing about what a decoder computes. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set([
  // identity
  "_attn_implementation",
  "_attn_implementation_autoset",
  "_commit_hash",
  "_from_model_config",
  "_name_or_path",
  "_num_labels",
  "architectures",
  "auto_map",
  "dtype",
  "finetuning_task",
  "id2label",
  "label2id",
  "mlx_lm",
  "model_type",
  "name_or_path",
  "num_labels",
  "problem_type",
  "task_specific_params",
  "tokenizer_class",
  "torch_dtype",
  "transformers.js_config",
  "transformers_version",
  "unsloth_fixed",
  "unsloth_version",
  // training and initialisation
  "attention_dropout",
  "attn_pdrop",
  "embd_pdrop",
  "gradient_checkpointing",
  "hidden_dropout",
  "initializer_range",
  "is_llama_config",
  "pretraining_tp",
  "resid_pdrop",
  "rope_interleaved",
  // what is returned, and how it is stored
  "chunk_size_feed_forward",
  "output_attentions",
  "output_hidden_states",
  "return_dict",
  "return_dict_in_generate",
  "torchscript",
  "use_bfloat16",
  "use_cache",
  "cache_implementation",
  // special tokens
  "bos_token_id",
  "decoder_start_token_id",
  "eos_token_id",
  "pad_token_id",
  "sep_token_id",
  "unk_token_id",
  // generation
  "bad_words_ids",
  "begin_suppress_tokens",
  "diversity_penalty",
  "do_sample",
  "early_stopping",
  "encoder_no_repeat_ngram_size",
  "exponential_decay_length_penalty",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "length_penalty",
  "max_length",
  "min_length",
  "no_repeat_ngram_size",
  "num_beam_groups",
  "num_beams",
  "num_return_sequences",
  "output_scores",
  "prefix",
  "remove_invalid_values",
  "repetition_penalty",
  "suppress_tokens",
  "temperature",
  "tf_legacy_loss",
  "top_k",
  "top_p",
  "typical_p",
]);

/** Keys that must have one value, because another would change the mathematics in a way that is not supported. */
const FIXED_KEYS: Readonly<Record<string, readonly unknown[]>> = {
  add_cross_attention: [false],
  cross_attention_hidden_size: [null],
  is_decoder: [false, true],
  is_encoder_decoder: [false],
  pruned_heads: [null],
  quantization_config: [null],
  tie_encoder_decoder: [false],
};

/** Reads the keys of one `config.json` and remembers which were read. */
export class ConfigReader {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();
  readonly #source: string;

  /** Opens a reader over `json`; `source` names it in errors. */
  constructor(json: Readonly<Record<string, unknown>>, source = "config.json") {
    this.#json = json;
    this.#source = source;
  }

  /** Returns a positive integer. */
  integer(key: string, fallback?: number): number {
    const value = this.#take(key, fallback);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
      this.fail(key, "must be a positive integer");
    }
    return value as number;
  }

  /** Returns an integer that may be 0. */
  count(key: string, fallback: number): number {
    const value = this.#take(key, fallback);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      this.fail(key, "must be an integer of at least 0");
    }
    return value as number;
  }

  /** Returns a positive integer, or null where that is stated; `fallback` where the key is absent. */
  integerOrNull(key: string, fallback: number | null): number | null {
    if (!(key in this.#json)) {
      this.#read.add(key);
      return fallback;
    }
    return this.has(key) ? this.integer(key) : this.#take(key, null) as null;
  }

  /** Returns a positive number. */
  number(key: string, fallback?: number): number {
    const value = this.#take(key, fallback);
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
      this.fail(key, "must be a positive number");
    }
    return value as number;
  }

  /** Returns a list of positive numbers. */
  numbers(key: string): readonly number[] {
    const value = this.#take(key, undefined);
    const isPositive = (item: unknown) => typeof item === "number" && item > 0 && item < Infinity;
    if (!Array.isArray(value) || !value.every(isPositive)) {
      this.fail(key, "must be a list of positive numbers");
    }
    return value as readonly number[];
  }

  /** Returns a list, each item one of `items`, or `undefined` where the key is absent or null. */
  list<T extends string>(key: string, items: readonly T[]): readonly T[] | undefined {
    const value = this.#take(key, null);
    if (value === null) return undefined;
    if (!Array.isArray(value) || !value.every((item) => items.includes(item))) {
      this.fail(key, `must be a list of ${items.map((item) => JSON.stringify(item)).join(" or ")}`);
    }
    return value as readonly T[];
  }

  /** Returns a boolean. */
  boolean(key: string, fallback?: boolean): boolean {
    const value = this.#take(key, fallback);
    if (typeof value !== "boolean") this.fail(key, "must be true or false");
    return value as boolean;
  }

  /** Returns an object, or `undefined` where the key is absent or null. */
  object(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#take(key, null);
    if (value === null) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) this.fail(key, "must be an object");
    return value as Readonly<Record<string, unknown>>;
  }

  /** Whether the key is present and not null. */
  has(key: string): boolean {
    return this.#json[key] !== undefined && this.#json[key] !== null;
  }

  /** Demands that the key, where it is present, has one of `values`. */
  expect(key: string, values: readonly unknown[]): void {
    const value = this.#take(key, values[0]);
    if (!values.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) {
      this.fail(key, `is supported only as ${values.map((v) => JSON.stringify(v)).join(" or ")}`);
    }
  }

  /** Demands that the key, where it is present, is a list of `value` alone. */
  expectAll(key: string, value: unknown): void {
    const list = this.#take(key, null);
    if (list === null) return;
    if (!Array.isArray(list) || list.some((item) => item !== value)) {
      this.fail(key, `is supported only as a list of ${JSON.stringify(value)}`);
    }
  }

  /** Marks keys as understood that have no influence on what is computed. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  /** Ends the reading: a key that nobody read must be known to be harmless. */
  finish(): void {
    for (const [key, values] of Object.entries(FIXED_KEYS)) this.expect(key, values);
    for (const key of Object.keys(this.#json)) {
      if (this.#read.has(key) || HARMLESS_KEYS.has(key) || this.#json[key] === null) continue;
      this.fail(key, "is not understood and may change what the model computes; remove it if not");
    }
  }

  /** Throws an error that names the source and the key. */
  fail(key: string, problem: string): never {
    const value = JSON.stringify(this.#json[key]);
    const current = value === undefined ? "it is missing" : `current value is ${value}`;
    throw new UserError(`Cannot use model: "${key}" of ${this.#source} ${problem}: ${current}`);
  }

  #take(key: string, fallback: unknown): unknown {
    this.#read.add(key);
    return this.#json[key] ?? fallback;
  }
}
