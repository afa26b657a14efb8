/**
 * Conversations as token ids, with the assistant's tokens marked.
 *
 * @module
 */

import { findAssistantSpans } from "./assistant_spans.ts";
import type { ChatTemplate, RenderedTemplate } from "./chat_template.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import type { EncodedSection, TextTokenizer } from "./text_encoder.ts";
import { alignTokens, type Span } from "./token_alignment.ts";
import {
  type ChatMessage,
  ChatTemplateError,
  type RenderChatOptions,
  type RenderedChat,
} from "./tokenizer.ts";

/** What a conversation is rendered with. */
export interface ChatRendererOptions {
  /** Turns the rendered text into ids. */
  readonly tokenizer: TextTokenizer;
  /** Special tokens, which templates name. */
  readonly specialTokens: SpecialTokens;
}

/** Names the end of an open message; spaces behind it show whether the template trims. */
const OPEN_END = "\uFDD4\uFDD5";

/** Renders `messages` with `template` and turns them into ids. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  { tokenizer, specialTokens, ...options }: RenderChatOptions & ChatRendererOptions,
): RenderedChat {
  const { addGenerationPrompt = false, continueFinalMessage = false, tools, templateVariables } =
    options;
  if (addGenerationPrompt && continueFinalMessage) {
    throw new ChatTemplateError(
      "Cannot render chat: a conversation either goes on with its final message or gets the header of a new one",
    );
  }
  const render = (shown: readonly ChatMessage[], withPrompt: boolean) =>
    template.render({
      tools: tools ?? null,
      documents: null,
      ...specialTokens,
      ...templateVariables,
      messages: shown,
      add_generation_prompt: withPrompt,
    });

  const rendered = continueFinalMessage
    ? renderOpen(messages, (shown) => render(shown, false))
    : render(messages, addGenerationPrompt);
  const sections = tokenizer.encode(rendered.text, { parseSpecialTokens: true });
  const ids = sections.flatMap(({ units }) => units.flatMap((unit) => unit.ids));

  function computeMask(): number[] {
    const mask = new Array<number>(ids.length).fill(0);
    const align = (spans: readonly Span[]): Span[] =>
      alignTokens(rendered.text, spans, { sections, tokenizer });
    if (template.marksGeneration) {
      const generated = rendered.generated.filter(({ start, end }) => start < end);
      for (const { start, end } of align(generated)) mask.fill(1, start, end);
    } else {
      const spans = findAssistantSpans(
        continueFinalMessage ? messages.slice(0, -1) : messages,
        (shown, { addGenerationPrompt }) => render(shown, addGenerationPrompt).text,
      ).map((span) => cutBehindEnd(span, { text: rendered.text, sections }));
      for (const { start, end } of align(spans)) mask.fill(1, start, end);
    }
    return mask;
  }

  let mask: number[] | undefined;
  return {
    ids,
    text: rendered.text,
    get assistantMask() {
      return mask ??= computeMask();
    },
  };
}

/** Renders a conversation up to the end of the content of its last message. */
function renderOpen(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => RenderedTemplate,
): RenderedTemplate {
  const last = messages.at(-1);
  if (last === undefined) {
    throw new ChatTemplateError("Cannot render chat: there is no final message to go on with");
  }
  const { text, generated } = render(
    messages.with(-1, { ...last, content: `${last.content}${OPEN_END} ` }),
  );
  const end = text.lastIndexOf(OPEN_END);
  if (end < 0) {
    throw new ChatTemplateError(
      "Cannot render chat: the chat template does not show the content of the final message",
    );
  }
  const keepsSpaces = text[end + OPEN_END.length] === " ";
  const open = keepsSpaces ? text.slice(0, end) : text.slice(0, end).trimEnd();
  return {
    text: open,
    generated: generated.map(({ start, end }) => ({ start, end: Math.min(end, open.length) })),
  };
}

/** Leaves out what follows the special token that ends a turn, for example the line break of ChatML. */
function cutBehindEnd(
  span: Span,
  { text, sections }: { readonly text: string; readonly sections: readonly EncodedSection[] },
): Span {
  const special = sections.findLast(({ token, start, end }) =>
    token?.special === true && start >= span.start && end <= span.end
  );
  if (special === undefined || text.slice(special.end, span.end).trim() !== "") return span;
  return { start: span.start, end: special.end };
}
