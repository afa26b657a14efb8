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

/** What is known of tokens. */
export interface TokenKinds {
  /** Whether it is a special token. */
  readonly isSpecial: (id: number) => boolean;
  /** Whether it is white space. */
  readonly isBlank: (id: number) => boolean;
}

/**
 * Finds the token that a chat template writes behind what the assistant says, if that is a special token. A tokenizer may
 * name another one as its end: that of base models ends texts, while their chat templates end turns.
 */
export function findTurnEnd(
  render: (messages: readonly ChatMessage[]) => RenderedChat,
  { isSpecial, isBlank }: TokenKinds,
): number | undefined {
  for (const messages of CONVERSATIONS) {
    try {
      const { ids, assistantSpans } = render(messages);
      const { message } = assistantSpans[0] ?? {};
      const span = assistantSpans.findLast((each) => each.message === message);
      if (span === undefined) continue;
      const last = ids.slice(span.start, span.end).findLast((id) => isSpecial(id) || !isBlank(id));
      if (last !== undefined && isSpecial(last)) return last;
      // a generation block may stop short of it
      const next = ids[span.end];
      if (next !== undefined && isSpecial(next)) return next;
    } catch (error) {
      if (!(error instanceof ChatTemplateError)) throw error;
    }
  }
  return undefined;
}
