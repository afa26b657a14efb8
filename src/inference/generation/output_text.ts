/**
 * The text of generated tokens, as far as it is certain: whole characters, nothing of a stop string.
 *
 * @module
 */

import { createIncrementalDecoder } from "../../models/tokenizer/incremental_decoder.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { createStopMatcher } from "./stop_strings.ts";
import type { TokenLogprobs } from "./token_logprobs.ts";

/** A generated token. */
export interface GeneratedToken {
  /** Token id. */
  readonly id: number;
  /** Its log-probability and its likeliest rivals, where they were asked for. */
  readonly logprobs?: TokenLogprobs;
}

/** A generated token and its place. */
export interface PlacedToken extends GeneratedToken {
  /** Where its text begins in the output, in UTF-16 units. */
  readonly offset: number;
}

/** What became certain by a token. */
export interface OutputPiece {
  /** Text; empty without a tokenizer. */
  readonly text: string;
  /** The tokens whose text begins in what has been passed on. */
  readonly tokens: readonly PlacedToken[];
  /** Whether a stop string has been found; the output is over then. */
  readonly stopped: boolean;
}

/** The text of one sequence while it is generated. */
export interface OutputText {
  /** Length of the text so far, what is held back included. */
  readonly length: number;
  /** Adds a token. */
  push(token: GeneratedToken): OutputPiece;
  /** Ends the text and returns what was held back. */
  end(): OutputPiece;
}

/** Options of {@linkcode createOutputText}. */
export interface OutputTextOptions {
  /** The tokens before the output. */
  readonly promptIds: readonly number[];
  /** Strings at which the output ends; they are not part of it. */
  readonly stop: readonly string[];
}

/** How many tokens of the prompt tell the decoder how the first token joins on. */
const CONTEXT_TOKENS = 8;

/** Creates the output of one sequence; without a tokenizer tokens are passed on without text. */
export function createOutputText(
  tokenizer: Tokenizer | undefined,
  options: OutputTextOptions,
): OutputText {
  if (tokenizer === undefined) {
    return {
      length: 0,
      push: (token) => ({ text: "", tokens: [{ ...token, offset: 0 }], stopped: false }),
      end: () => ({ text: "", tokens: [], stopped: false }),
    };
  }
  const decoder = createIncrementalDecoder(tokenizer);
  for (const id of options.promptIds.slice(-CONTEXT_TOKENS)) decoder.push(id);
  const matcher = createStopMatcher(options.stop);
  let pending: PlacedToken[] = [];
  let decodedLength = 0;
  let passedLength = 0;

  const decoded = (text: string): OutputPiece => {
    decodedLength += text.length;
    const match = matcher.push(text);
    passedLength += match.text.length;
    const tokens = pending.filter(({ offset }) => offset < passedLength);
    pending = pending.slice(tokens.length);
    return { ...match, tokens };
  };

  return {
    get length() {
      return decodedLength;
    },
    push(token) {
      pending.push({ ...token, offset: decodedLength });
      return decoded(decoder.push(token.id));
    },
    end() {
      const last = decoded(decoder.end());
      if (last.stopped) return last;
      const tokens = [...last.tokens, ...pending];
      pending = [];
      return { text: last.text + matcher.end(), tokens, stopped: false };
    },
  };
}
