/**
 * Which tokens begin, end and pad a text: `tokenizer_config.json` and `special_tokens_map.json`.
 *
 * @module
 */

import type { AddedToken } from "./tokenizer_json.ts";

/** Names of special tokens that templates may use. */
export const SPECIAL_TOKEN_NAMES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

/** Name of a special token. */
export type SpecialTokenName = (typeof SPECIAL_TOKEN_NAMES)[number];

/** Spelling of each special token that a tokenizer has. */
export type SpecialTokens = Readonly<Partial<Record<SpecialTokenName, string>>>;

/** Reads special tokens; what `config` says goes before what `map` says. */
export function parseSpecialTokens(
  config: Readonly<Record<string, unknown>>,
  map: Readonly<Record<string, unknown>>,
): SpecialTokens {
  const tokens: Partial<Record<SpecialTokenName, string>> = {};
  for (const name of SPECIAL_TOKEN_NAMES) {
    const content = spelling(name in config ? config[name] : map[name]);
    if (content !== undefined) tokens[name] = content;
  }
  return tokens;
}

/**
 * Makes the named special tokens special wherever they stand in the text, as `transformers` does: a file may say that
 * one is looked for in the normalised text, where SentencePiece's space in front would be part of it.
 */
export function markSpecial(tokens: readonly AddedToken[], named: SpecialTokens): AddedToken[] {
  const contents = new Set(Object.values(named));
  return tokens.map((token) =>
    contents.has(token.content) ? { ...token, special: true, normalized: false } : token
  );
}

/** A token is given as its spelling or as an object that has it. */
function spelling(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || !("content" in value)) return undefined;
  return typeof value.content === "string" ? value.content : undefined;
}
