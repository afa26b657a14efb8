/**
 * Conversations whose final message is left open, so that generation goes on with it.
 *
 * @module
 */

import type { RenderedTemplate } from "./chat_template.ts";
import { unusedMark } from "./unused_mark.ts";
import { type ChatMessage, ChatTemplateError } from "./tokenizer.ts";

/**
 * Renders a conversation up to the end of the content of its last message.
 *
 * @throws {ChatTemplateError} If there is none, or the template does not show it.
 */
export function renderOpen(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => RenderedTemplate,
): RenderedTemplate {
  const last = messages.at(-1);
  if (last === undefined) {
    throw new ChatTemplateError("Cannot render chat: there is no final message to go on with");
  }
  const mark = unusedMark(messages);
  // spaces behind the mark show whether the template trims
  const { text, generated } = render(
    messages.with(-1, { ...last, content: `${last.content}${mark} ` }),
  );
  const end = text.lastIndexOf(mark);
  if (end < 0) {
    throw new ChatTemplateError(
      "Cannot render chat: the chat template does not show the content of the final message",
    );
  }
  const keepsSpaces = text[end + mark.length] === " ";
  const open = keepsSpaces ? text.slice(0, end) : text.slice(0, end).trimEnd();
  return {
    text: open,
    generated: generated.map((span) => ({
      ...span,
      start: Math.min(span.start, open.length),
      end: Math.min(span.end, open.length),
    })),
  };
}
