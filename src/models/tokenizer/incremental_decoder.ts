/**
 * Turns token ids into text while they come.
 *
 * @module
 */

import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/** A running decoder of one sequence. */
export interface IncrementalDecoder {
  /** Adds a token and returns the text that is now certain; empty while a character is incomplete. */
  push(id: number): string;
  /** Returns what was held back; the sequence is over. */
  end(): string;
}

const INCOMPLETE = "\uFFFD";

/**
 * Creates a decoder whose pieces together are `tokenizer.decode` of all ids.
 *
 * It decodes a window of the last tokens, because what a token means can depend on the one before: a character spread
 * over several tokens, a space that is dropped at the beginning only.
 */
export function createIncrementalDecoder(
  tokenizer: Tokenizer,
  options: DecodeOptions = {},
): IncrementalDecoder {
  let window: number[] = [];
  let emitted = 0; // characters of the window's text

  return {
    push(id) {
      window.push(id);
      const text = tokenizer.decode(window, options);
      const isComplete = !text.endsWith(INCOMPLETE);
      const certain = isComplete ? text.length : text.length - INCOMPLETE.length;
      const piece = text.slice(emitted, certain);
      emitted = Math.max(emitted, certain);
      if (isComplete && window.length > 1) {
        // one token with text is enough to know that the next ones do not begin the sequence
        const last = tokenizer.decode([id], options);
        if (last !== "" && !last.endsWith(INCOMPLETE)) {
          window = [id];
          emitted = last.length;
        }
      }
      return piece;
    },
    end() {
      const rest = tokenizer.decode(window, options).slice(emitted);
      window = [];
      emitted = 0;
      return rest;
    },
  };
}
