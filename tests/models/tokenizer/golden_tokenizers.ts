/**
 * Opens the tokenizers that the golden data was made with.
 *
 * @module
 */

import { BYTE_CHARACTERS } from "../../../src/models/tokenizer/byte_level.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";

/** Names of the golden tokenizers. */
export const GOLDEN_TOKENIZERS = ["gpt2", "qwen3", "mistral-v0.1"] as const;

/** Opens a golden tokenizer in `folder`, which may hold no `tokenizer.json` but vocabulary and merges. */
export function openGoldenTokenizer(
  folder: string,
  overrides: Readonly<Record<string, string>> = {},
): Tokenizer {
  const files = new Map<string, Uint8Array>();
  for (const { name } of Deno.readDirSync(folder)) {
    files.set(name, Deno.readFileSync(`${folder}/${name}`));
  }
  if (!files.has("tokenizer.json")) files.set("tokenizer.json", gpt2Json(folder));
  for (const [name, text] of Object.entries(overrides)) {
    files.set(name, new TextEncoder().encode(text));
  }
  return createTokenizer(files);
}

function gpt2Json(folder: string): Uint8Array {
  const vocab: Record<string, number> = JSON.parse(Deno.readTextFileSync(`${folder}/vocab.json`));
  const merges = Deno.readTextFileSync(`${folder}/merges.txt`).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#version"));
  if (BYTE_CHARACTERS.some((character) => !(character in vocab))) throw new Error("not byte-level");
  return new TextEncoder().encode(JSON.stringify({
    added_tokens: [{ id: vocab["<|endoftext|>"], content: "<|endoftext|>", special: true }],
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab, merges },
  }));
}
