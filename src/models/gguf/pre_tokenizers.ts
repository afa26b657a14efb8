/**
 * The names that llama.cpp has for ways of cutting text into words before byte-pair encoding, and how a
 * `tokenizer.json` says the same.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";

/** One way of cutting text. */
export interface GgufPreTokenizer {
  /** What `tokenizer.ggml.pre` calls it; the first is written. */
  readonly names: readonly [string, ...string[]];
  /** The stage `pre_tokenizer` of a `tokenizer.json`. */
  readonly stage: JsonObject;
  /** The stage `normalizer` that models with it were trained with; llama.cpp has none. */
  readonly normalizer: JsonObject | null;
  /** Whether words that are tokens stay whole. */
  readonly ignoreMerges: boolean;
  /** Whether texts begin with the beginning-of-text token unless the file says otherwise. */
  readonly addBos: boolean;
}

const BYTES: JsonObject = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};
const GPT2_WORDS: JsonObject = { ...BYTES, use_regex: true };

const sequence = (...pretokenizers: readonly JsonObject[]): JsonObject => ({
  type: "Sequence",
  pretokenizers,
});

const split = (pattern: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SIGNS_AND_SPACE = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${SIGNS_AND_SPACE}`;
const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${SIGNS_AND_SPACE}`;

const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const cased = (ending: string, numbers: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${ending}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${ending}` +
  `|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";

const plain = { normalizer: null, ignoreMerges: false, addBos: false } as const;

/** Every way that is supported; of several that cut alike, the first is written. */
export const GGUF_PRE_TOKENIZERS: readonly GgufPreTokenizer[] = [
  {
    ...plain,
    names: ["gpt-2", "phi-2", "mpt", "olmo", "jais", "gigachat", "trillion", "exaone4", "mellum"],
    stage: GPT2_WORDS,
  },
  {
    ...plain,
    names: ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
    stage: sequence({ type: "Digits", individual_digits: true }, GPT2_WORDS),
  },
  {
    names: [
      "llama-bpe",
      "llama3",
      "llama-v3",
      "falcon3",
      "falcon-h1",
      "pixtral",
      "midm-2.0",
      "lfm2",
    ],
    stage: sequence(split(LLAMA3), BYTES),
    normalizer: null,
    ignoreMerges: true,
    addBos: true,
  },
  { ...plain, names: ["smaug-bpe", "dbrx"], stage: sequence(split(LLAMA3), BYTES) },
  {
    ...plain,
    names: ["qwen2", "deepseek-r1-qwen", "megrez"],
    stage: sequence(split(QWEN2), BYTES),
    normalizer: { type: "NFC" },
  },
  {
    ...plain,
    names: ["hunyuan", "solar-open", "grok-2", "stablelm2"],
    stage: sequence(split(QWEN2), BYTES),
  },
  {
    names: ["tekken"],
    stage: sequence(split(cased("", "\\p{N}")), BYTES),
    normalizer: null,
    ignoreMerges: true,
    addBos: true,
  },
  {
    ...plain,
    names: ["gpt-4o", "llama4", "kanana2"],
    stage: sequence(split(cased(`${CONTRACTIONS}?`, "\\p{N}{1,3}")), BYTES),
  },
  {
    ...plain,
    names: ["default"],
    stage: sequence(
      split("[\\p{P}\\$\\+<=>\\^~\\|]+"),
      split(GPT2_PATTERN),
      split("\\p{N}+"),
      split("[0-9][0-9][0-9]"),
      BYTES,
    ),
  },
];

/** Returns the way that llama.cpp calls `name`, `undefined` if it is not supported. */
export function findPreTokenizer(name: string): GgufPreTokenizer | undefined {
  return GGUF_PRE_TOKENIZERS.find(({ names }) => names.includes(name));
}
