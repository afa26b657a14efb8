/**
 * A tokenizer simple enough to check by eye: one id per byte, with three special ones.
 *
 * @module
 */

import {
  type AssistantSpan,
  type ChatMessage,
  ChatTemplateError,
  type RenderedChat,
  type Tokenizer,
} from "../../src/models/tokenizer/tokenizer.ts";

/** Begins a text. */
export const BOS = 256;
/** Ends a text. */
export const EOS = 257;
/** Ends a turn. */
export const END_OF_TURN = 258;

/** Options of {@linkcode byteTokenizer}. */
export interface ByteTokenizerOptions {
  /** Begin texts with {@linkcode BOS}. @default {true} */
  readonly addBos?: boolean;
  /** End texts with {@linkcode EOS} by itself. @default {false} */
  readonly addEos?: boolean;
}

/** Creates the tokenizer; its template writes each turn as role, colon, content, end of turn. */
export function byteTokenizer(options: ByteTokenizerOptions = {}): Tokenizer {
  const { addBos = true, addEos = false } = options;
  const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
  return {
    vocabSize: 259,
    bosTokenId: BOS,
    eosTokenIds: [EOS, END_OF_TURN],
    padTokenId: undefined,
    hasChatTemplate: true,
    chatTemplate: "",
    files: new Map(),
    encode(text, { addSpecialTokens = true } = {}) {
      const ids = bytes(text);
      if (addSpecialTokens && addBos) ids.unshift(BOS);
      if (addSpecialTokens && addEos) ids.push(EOS);
      return ids;
    },
    decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
    renderChat(messages: readonly ChatMessage[]): RenderedChat {
      const ids: number[] = [BOS];
      const assistantSpans: AssistantSpan[] = [];
      for (const [i, { role, content }] of messages.entries()) {
        if (role === "system" && i > 0) throw new ChatTemplateError("system comes too late");
        ids.push(...bytes(`${role}:`));
        const start = ids.length;
        ids.push(...bytes(content), END_OF_TURN);
        if (role === "assistant") assistantSpans.push({ message: i, start, end: ids.length });
      }
      const assistantMask = ids.map((_, i) =>
        Number(assistantSpans.some(({ start, end }) => start <= i && i < end))
      );
      return { ids, text: "", assistantSpans, assistantMask };
    },
  };
}
