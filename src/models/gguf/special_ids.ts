/**
 * The ids of special tokens that a GGUF file names.
 *
 * @module
 */

import type { GgufFile } from "../../engine/tensor/gguf/gguf_file.ts";
import { GgufKeys } from "./keys.ts";

/** Key of the tokens of the vocabulary. */
export const TOKENS_KEY = "tokenizer.ggml.tokens";

/** Tokens that end a turn wherever a vocabulary has them: files often name the end of a text only. */
const TURN_ENDS: readonly string[] = [
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<end_of_turn>",
];

/** Returns the ids that end a text or a turn. */
export function endTokenIds(file: GgufFile): number[] {
  const keys = new GgufKeys(file.metadata, file.path);
  const tokens = keys.texts(TOKENS_KEY) ?? [];
  const named = ["eos", "eot", "eom"]
    .map((name) => keys.integer(`tokenizer.ggml.${name}_token_id`, undefined))
    .filter((id) => id !== undefined && id < tokens.length);
  const turnEnds = TURN_ENDS.map((token) => tokens.indexOf(token)).filter((id) => id >= 0);
  return [...new Set([...named as number[], ...turnEnds])];
}
