/**
 * Which characters of a rendered conversation the assistant produces, message by message.
 *
 * @module
 */

import { cannotMark, findAssistantTurns, type RenderMessages } from "./assistant_turns.ts";
import type { AssistantTurn } from "./assistant_turns.ts";
import type { GeneratedSpan, RenderedTemplate } from "./chat_template.ts";
import type { Span } from "./token_alignment.ts";
import type { AssistantSpan, ChatMessage } from "./tokenizer.ts";

/** Takes the spans that the template marks, each with its message. */
export function markedSpans(
  messages: readonly ChatMessage[],
  { generated }: RenderedTemplate,
): AssistantSpan[] {
  const speaking = messages.flatMap(({ role }, i) => role === "assistant" ? [i] : []);
  return generated.map((span, i) => ({ ...span, message: messageOf(span, i, speaking) }))
    .filter(({ start, end }) => start < end);
}

/** A template that copies its messages does not tell which one it writes; then they are taken to come in order. */
function messageOf({ message }: GeneratedSpan, i: number, speaking: readonly number[]): number {
  return message ?? speaking[Math.min(i, speaking.length - 1)] ?? 0;
}

/**
 * Finds the spans of a template that marks none.
 *
 * @param specialTokens Where special tokens are in the rendered text.
 * @throws {ChatTemplateError} If the template does not show where a turn begins or ends.
 */
export function structuralSpans(
  messages: readonly ChatMessage[],
  { render, text, specialTokens }: {
    readonly render: RenderMessages;
    readonly text: string;
    readonly specialTokens: readonly Span[];
  },
): AssistantSpan[] {
  return findAssistantTurns(messages, render).map((turn) => {
    const span = cutBehindEnd(turn, { text, specialTokens });
    if (span === undefined) throw cannotMark(turn.message);
    return { ...span, message: turn.message };
  });
}

/** Leaves out what follows the special token that ends a turn, for example the line break of ChatML. */
function cutBehindEnd(
  { start, end, contentEnd }: AssistantTurn,
  { text, specialTokens }: { readonly text: string; readonly specialTokens: readonly Span[] },
): Span | undefined {
  const from = contentEnd ?? start;
  const special = specialTokens.findLast((token) => token.start >= from && token.end <= end);
  if (contentEnd !== undefined) return special && { start, end: special.end };
  const isLast = special !== undefined && text.slice(special.end, end).trim() === "";
  return { start, end: isLast ? special.end : end };
}
