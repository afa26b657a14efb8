/**
 * The chat templates of the golden data, with a small tokenizer whose special tokens are those of all of them.
 *
 * @module
 */

import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { sharedData } from "../../shared_data.ts";

/** Names of the golden templates. */
export const GOLDEN_TEMPLATES = [
  "chatml",
  "chatml_generation",
  "gemma",
  "llama3",
  "mistral",
  "qwen3",
] as const;

/** Name of a golden template. */
export type GoldenTemplate = (typeof GOLDEN_TEMPLATES)[number];

/** What ends a turn in each of them. */
export const TURN_ENDS: Readonly<Record<GoldenTemplate, string>> = {
  chatml: "<|im_end|>",
  chatml_generation: "<|im_end|>",
  gemma: "<end_of_turn>",
  llama3: "<|eot_id|>",
  mistral: "</s>",
  qwen3: "<|im_end|>",
};

const SPECIAL_TOKENS = [
  ...["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
  ...["<bos>", "<start_of_turn>", "<end_of_turn>"],
  ...["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  ...["<s>", "</s>"],
];

/** Line breaks, spaces, brackets and colons merge with one another and with letters, also where turns meet. */
const TEXTS = [
  "\n\n \n\n\n  assistant\n\nuser\n\n[INST] ] \n]\n\n [/INST] [/INST]\n\n assistant: a: b\n".repeat(
    9,
  ),
  "the quick brown fox jumps over the lazy dog, the fox and the dog. ".repeat(9),
];

/** What a template is stored with. */
export interface StoredTemplate {
  /** Its source. */
  readonly template: string;
  /** What it calls the beginning of a text. */
  readonly bos_token?: string;
  /** What it calls the end. */
  readonly eos_token: string;
}

/** Reads a golden template. */
export function readGoldenTemplate(name: GoldenTemplate): StoredTemplate {
  return JSON.parse(Deno.readTextFileSync(sharedData(`golden/chat/${name}.json`)!));
}

/** Returns the content of a `tokenizer_config.json` with the template. */
export function configWith({ template, bos_token, eos_token }: StoredTemplate): string {
  return JSON.stringify({ bos_token, eos_token, chat_template: template });
}

/** Opens a golden template with the small tokenizer. */
export function openSmallTokenizer(name: GoldenTemplate): Tokenizer {
  const files = new Map(trainBpe({ texts: TEXTS, vocabSize: 420, specialTokens: SPECIAL_TOKENS }));
  const config = configWith(readGoldenTemplate(name));
  return createTokenizer(files.set("tokenizer_config.json", new TextEncoder().encode(config)));
}
