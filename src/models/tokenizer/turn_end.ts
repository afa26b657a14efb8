/**
 * The token that ends a turn of the assistant.
 *
 * @module
 */

import { type ChatMessage, ChatTemplateError, type RenderedChat } from "./tokenizer.ts";

const TURN: readonly ChatMessage[] = [
  { role: "user", content: "a" },
  { role: "assistant", content: "b" },
];

/** In the first place turns that others follow: some templates end the last one with the whole conversation. */
const CONVERSATIONS: readonly (readonly ChatMessage[])[] = [[...TURN, ...TURN], TURN];

/**
 * Finds the token that a chat template writes behind what the assistant says, if that is a special token. A tokenizer may
 * name another one as its end: that of base models ends texts, while their chat templates end turns.
 */
export function findTurnEnd(
  render: (messages: readonly ChatMessage[]) => RenderedChat,
  isSpecial: (id: number) => boolean,
): number | undefined {
  for (const messages of CONVERSATIONS) {
    try {
      const { ids, assistantSpans: [span] } = render(messages);
      if (span === undefined) continue;
      // a generation block may stop short of it
      const end = ids.slice(Math.max(span.end - 1, 0), span.end + 1).find(isSpecial);
      if (end !== undefined) return end;
    } catch (error) {
      if (!(error instanceof ChatTemplateError)) throw error;
    }
  }
  return undefined;
}
