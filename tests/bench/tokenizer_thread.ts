/**
 * A thread of `tokenizer_step.ts`: it is given a tokenizer's folder and texts, and then makes passes over them when asked.
 *
 * @module
 */

import type { Tokenizer } from "../../src/models/tokenizer/tokenizer.ts";
import { openGoldenTokenizer } from "../models/tokenizer/golden_tokenizers.ts";

/** What a thread is started with. */
export interface ThreadStart {
  /** Folder of the tokenizer. */
  readonly folder: string;
  /** Its texts. */
  readonly texts: readonly string[];
}

declare const self: {
  onmessage: ((event: MessageEvent<ThreadStart | "pass">) => void) | null;
  postMessage(message: number): void;
};

/** Returns how many tokens the texts have together. */
export function countTokens(tokenizer: Tokenizer, texts: readonly string[]): number {
  let tokens = 0;
  for (const text of texts) tokens += tokenizer.encode(text, { addSpecialTokens: false }).length;
  return tokens;
}

let thread: { readonly tokenizer: Tokenizer; readonly texts: readonly string[] } | undefined;

self.onmessage = ({ data }) => {
  if (data !== "pass") {
    thread = { tokenizer: openGoldenTokenizer(data.folder), texts: data.texts };
    self.postMessage(0);
  } else if (thread !== undefined) {
    self.postMessage(countTokens(thread.tokenizer, thread.texts));
  }
};
