/**
 * Rows token by token, as a model will see them.
 *
 * @module
 */

import { createIncrementalDecoder } from "../models/tokenizer/incremental_decoder.ts";
import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { Example } from "./encode.ts";
import { IGNORED_LABEL } from "./labels.ts";

/** A token of a row. */
export interface PreviewToken {
  /** Its id. */
  readonly id: number;
  /** What it adds to the text; empty where a character goes on in the next token. */
  readonly text: string;
  /** Whether its prediction is trained. */
  readonly trained: boolean;
}

/**
 * Returns the tokens of an example; their texts together are its text, special tokens included.
 *
 * @param tokenizer Without one, ids stand for texts.
 */
export function previewTokens(
  { inputIds, labels }: Example,
  tokenizer: Tokenizer | undefined,
): PreviewToken[] {
  const tokens: PreviewToken[] = [];
  const decoder = tokenizer === undefined
    ? undefined
    : createIncrementalDecoder(tokenizer, { skipSpecialTokens: false });
  for (let i = 0; i < inputIds.length; i++) {
    const id = inputIds[i]!;
    const text = decoder?.push(id) ?? `${i > 0 ? " " : ""}${id}`;
    tokens.push({ id, text, trained: i > 0 && labels[i] !== IGNORED_LABEL });
  }
  const rest = decoder?.end() ?? "";
  const last = tokens.at(-1);
  if (last !== undefined && rest !== "") {
    tokens[tokens.length - 1] = { ...last, text: last.text + rest };
  }
  return tokens;
}
