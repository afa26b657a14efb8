/**
 * A prompt and its completion as one sequence of ids. When text is generated, the prompt is tokenised alone,
 * so the sequence begins with those very ids; what follows them must read as the completion.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { CompletionRow } from "./row.ts";

/** Ids of a prompt and its completion. */
export interface JoinedCompletion {
  /** All ids, without an end. */
  readonly ids: number[];
  /** How many of them are the prompt's. */
  readonly promptLength: number;
}

/** Turns a prompt and its completion into ids. */
export function joinCompletion(
  { prompt, completion }: CompletionRow,
  tokenizer: Tokenizer,
): JoinedCompletion {
  const promptIds = withoutAddedEnd(tokenizer.encode(prompt), tokenizer);
  const whole = withoutAddedEnd(tokenizer.encode(prompt + completion), tokenizer);
  const shared = commonPrefix(promptIds, whole);
  if (shared === promptIds.length) return { ids: whole, promptLength: shared };

  // a token of the whole reaches across the border
  const text = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: false });
  const wanted = text(whole);
  for (const before of ["", "\n"]) {
    const ids = [...promptIds, ...idsAfter(before, completion, tokenizer)];
    if (text(ids) === wanted) return { ids, promptLength: promptIds.length };
  }
  return { ids: whole, promptLength: shared };
}

/**
 * The ids of `completion` where it follows `before`: some tokenizers put a space in front of whatever begins a
 * text, which something before it keeps away.
 */
function idsAfter(before: string, completion: string, tokenizer: Tokenizer): number[] {
  const options = { addSpecialTokens: false };
  const skipped = tokenizer.encode(before, options);
  const ids = tokenizer.encode(before + completion, options);
  return ids.slice(commonPrefix(skipped, ids));
}

/** Some tokenizers end whatever they read; a prompt has not ended. */
function withoutAddedEnd(ids: number[], tokenizer: Tokenizer): number[] {
  const addsEnd = tokenizer.eosTokenIds.includes(tokenizer.encode("a").at(-1) ?? -1);
  return addsEnd ? ids.slice(0, -1) : ids;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
