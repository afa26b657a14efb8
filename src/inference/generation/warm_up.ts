/**
 * First runs, made before the first request: they take memory and decide how to compute.
 *
 * @module
 */

import type { Decoder } from "./decoder.ts";

/** Tokens of the prompt that is read. */
const PROMPT_TOKENS = 16;

/** Reads a prompt with `decoder` and decodes, alone and side by side. */
export async function warmUp(decoder: Decoder): Promise<void> {
  const ids = new Array<number>(Math.min(PROMPT_TOKENS, decoder.maxPositions - 1)).fill(0);
  using first = decoder.open();
  using second = decoder.open();
  if (ids.length > 0) await decoder.extend([{ sequence: first, ids }]);
  await decoder.extend([{ sequence: first, ids: [0] }]);
  await decoder.extend(
    [first, second].filter(({ length }) => length < decoder.maxPositions)
      .map((sequence) => ({ sequence, ids: [0] })),
  );
}
