/**
 * What single tokens look like.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";

/** Returns the text of a token in the middle of a text, special tokens included. */
export type TokenNames = (id: number) => string;

/**
 * Creates the names of a tokenizer's tokens. A token without a text of its own (a piece of a character, any
 * token where there is no tokenizer) is called `token_id:<id>`.
 */
export function createTokenNames(tokenizer: Tokenizer | undefined): TokenNames {
  const numbered = (id: number) => `token_id:${id}`;
  if (tokenizer === undefined) return numbered;
  // decoders treat the beginning of a text in their own way, so a letter goes before
  const before = tokenizer.encode("a", { addSpecialTokens: false });
  const textBefore = tokenizer.decode(before, { skipSpecialTokens: false });
  const names = new Map<number, string>();
  return (id) => {
    let name = names.get(id);
    if (name === undefined) {
      const text = tokenizer.decode([...before, id], { skipSpecialTokens: false });
      const own = text.slice(textBefore.length);
      name = own === "" || own.includes("\uFFFD") ? numbered(id) : own;
      names.set(id, name);
    }
    return name;
  };
}
