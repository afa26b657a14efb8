/**
 * Which characters of a rendered conversation the assistant produces, message by message.
 *
 * @module
 */

import { cannotMark, findAssistantTurns, type RenderMessages } from "./assistant_turns.ts";
import type { AssistantTurn } from "./assistant_turns.ts";
import type { GeneratedSpan, RenderedTemplate } from "./chat_template.ts";
import type { SpecialToken } from "./encoded_pieces.ts";
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
 * @throws {ChatTemplateError} If the template does not show where a turn begins or ends.
 */
export function structuralSpans(
  messages: readonly ChatMessage[],
  { render, text, specialTokens, endIds }: EndContext & { readonly render: RenderMessages },
): AssistantSpan[] {
  return findAssistantTurns(messages, render).map((turn) => {
    const span = cutBehindEnd(turn, { text, specialTokens, endIds });
    if (span === undefined) throw cannotMark(turn.message);
    return { ...span, message: turn.message };
  });
}

/** What tells where a turn ends. */
export interface EndContext {
  /** The rendered text. */
  readonly text: string;
  /** Where special tokens are in it. */
  readonly specialTokens: readonly SpecialToken[];
  /** Ids known to end a text or a turn. */
  readonly endIds: ReadonlySet<number>;
}

/** Leaves out what follows the special token that ends a turn, for example the line break of ChatML. */
function cutBehindEnd(
  { start, end, contentEnd }: AssistantTurn,
  { text, specialTokens, endIds }: EndContext,
): Span | undefined {
  if (contentEnd !== undefined) {
    const inside = specialTokens.filter((token) => token.start >= contentEnd && token.end <= end);
    // what any header begins with may lie before `end`, too
    const special = inside.find(({ id }) => endIds.has(id)) ?? inside.at(-1);
    return special && { start, end: special.end };
  }
  const special = specialTokens.findLast((token) => token.start >= start && token.end <= end);
  const isLast = special !== undefined && text.slice(special.end, end).trim() === "";
  return { start, end: isLast ? special.end : end };
}
